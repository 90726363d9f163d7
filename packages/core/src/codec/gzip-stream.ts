import { createGunzip, type Gunzip } from 'node:zlib'
import { BackupError } from '../errors/backup-error.js'
import type { ByteSource } from '../streams/byte-source.js'

/**
 * Inflates gzip that others wrote, as one stream. Zeros behind its end are passed over as gzip(1) does, which expects
 * them where a tape or a device was padded; anything else there, even after zeros, is damage.
 * @throws BackupError `object-damaged`
 */
export async function* inflateStream(source: ByteSource): ByteSource {
  const inflating = createGunzip()
  const feeding = feed(source, inflating)
  // Reading fails with the same error; until then it must not count as unhandled.
  feeding.catch(() => {})
  try {
    yield* inflating as AsyncIterable<Buffer>
    await feeding
  } catch (error) {
    if (isZlibError(error)) throw damagedGzip('the gzip stream does not inflate', error)
    throw error
  } finally {
    inflating.destroy()
  }
}

/**
 * Writes all of the source. By hand, as zlib closes its stream where it meets a zero instead of another member, and
 * never asks for more: `pipeline` takes that for an abort.
 */
async function feed(source: ByteSource, inflating: Gunzip): Promise<void> {
  let release = () => {}
  // An error ends it, too, and whoever reads hears of it.
  for (const end of ['end', 'close', 'error']) inflating.on(end, () => release())
  let given = 0
  let over = false
  try {
    for await (const chunk of source) {
      // Whoever read has left, or has met an error.
      if (inflating.destroyed && !inflating.readableEnded) return
      let behind = chunk
      if (!over) {
        given += chunk.byteLength
        await new Promise<void>((resolve, reject) => {
          release = resolve
          inflating.write(chunk, error => (error ? reject(error) : resolve()))
        })
        behind = chunk.subarray(chunk.byteLength - (given - inflating.bytesWritten))
        over = behind.byteLength > 0
      }
      assertZeros(behind)
    }
    if (!over) inflating.end()
  } catch (error) {
    inflating.destroy(error as Error)
    throw error
  }
}

/** @throws BackupError `object-damaged` when there is anything but zeros */
export function assertZeros(bytes: Uint8Array): void {
  if (!Buffer.alloc(bytes.byteLength).equals(bytes))
    throw damagedGzip('something lies behind the end of the gzip stream')
}

export function damagedGzip(why: string, cause?: unknown): BackupError {
  return new BackupError('object-damaged', why, {
    cause,
    hint: 'the stored object is damaged; use another backup or destination',
  })
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}
