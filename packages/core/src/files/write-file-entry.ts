import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { BackupError } from '../errors/backup-error.js'
import { ByteReader } from '../streams/byte-reader.js'
import type { PassingDigest } from '../streams/digest.js'
import type { Extent } from './find-holes.js'
import type { BundleEntry } from './read-bundle.js'
import { readMap } from './sparse-map.js'

const chunkBytes = 2 ** 20

/**
 * Writes a file of a bundle where nothing is, holes as holes, reads it again, and gives it its mode and time.
 * @param options.body has hashed the entry's body once that was read
 * @throws BackupError `restore-failed` where the disk gives back other bytes
 */
export async function writeFileEntry(
  path: Buffer,
  entry: BundleEntry,
  options: { readonly body: PassingDigest; readonly specialBits: boolean; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  try {
    const reader = new ByteReader(entry.body)
    const map = entry.sparse ? await readMap(reader, entry.sizeBytes) : undefined
    const extents = map?.extents ?? [{ offset: 0, bytes: entry.sizeBytes }]
    for (const extent of extents) await writeExtent(file, extent, reader, options.signal)
    for await (const chunk of reader.rest())
      if (chunk.length > 0) throw new BackupError('archive-invalid', 'a file with holes holds more than its map names')
    if (entry.sparse) await file.truncate(entry.sizeBytes)
    if ((await hashOf(file, map?.bytes, extents, options.signal)) !== options.body.sha256)
      throw new BackupError('restore-failed', 'a file reads back other than it was written', {
        hint: 'the disk may fail: look at the kernel log, and restore to another one',
      })
    await file.chmod(entry.mode & (options.specialBits ? 0o7777 : 0o777))
    const seconds = Number(entry.mtimeNs) / 1e9
    await file.utimes(seconds, seconds)
  } finally {
    await file.close()
  }
}

async function writeExtent(
  file: FileHandle,
  { offset, bytes }: Extent,
  reader: ByteReader,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let at = 0; at < bytes; ) {
    signal?.throwIfAborted()
    const chunk = await reader.take(Math.min(chunkBytes, bytes - at))
    if (chunk.length === 0) throw new BackupError('archive-truncated', 'a file holds less than it says')
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await file.write(chunk, done, chunk.length - done, offset + at + done)
      done += bytesWritten
    }
    at += chunk.length
  }
}

/** The hash of what is stored of a file, from what is on the disk now. */
async function hashOf(
  file: FileHandle,
  map: Buffer | undefined,
  extents: readonly Extent[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256')
  if (map !== undefined) hash.update(map)
  const longest = extents.reduce((most, one) => Math.max(most, one.bytes), 1)
  const chunk = Buffer.allocUnsafeSlow(Math.min(chunkBytes, longest))
  for (const { offset, bytes } of extents) {
    for (let at = 0; at < bytes; ) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, bytes - at), offset + at)
      if (bytesRead === 0) return 'shorter than it was written'
      hash.update(chunk.subarray(0, bytesRead))
      at += bytesRead
    }
  }
  return hash.digest('hex')
}
