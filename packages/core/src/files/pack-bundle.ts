import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { ByteSource } from '../streams/byte-source.js'
import { type Extent, encodeMap, findExtents } from './find-holes.js'
import { encodeComment, encodeHeader, endMark, paddingOf, type TarEntry } from './tar-header.js'
import { type FoundEntry, reasonOf } from './walk-bundle.js'

const chunkBytes = 2 ** 20

export interface PackOptions {
  /** What could not be read, and is not in the archive. */
  readonly onSkipped: (name: Buffer, why: string) => void
  /** What changed while it was read: it is in the archive, and may be torn. */
  readonly onChanged: (name: Buffer, how: string) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes a tar archive of what was found. One chunk of one file is in memory at a time. It begins with a random salt: the
 * manifest shows hashes of it in clear, with which nobody shall confirm a guess at a short `.env`.
 */
export async function* packBundle(entries: AsyncIterable<FoundEntry>, options: PackOptions): ByteSource {
  yield encodeComment(randomBytes(32).toString('hex'))
  for await (const found of entries) {
    if (found.kind === 'file') yield* packFile(found, options)
    else yield encodeHeader({ ...factsOf(found), target: found.target, bodyBytes: 0 })
  }
  yield endMark
}

async function* packFile(found: FoundEntry, options: PackOptions): ByteSource {
  let file: FileHandle | undefined
  try {
    // Not through a link that took its place, and without waiting for the writer of a pipe that did.
    file = await open(found.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const before = await file.stat({ bigint: true })
    if (!before.isFile() || before.ino !== found.stats.ino || before.dev !== found.stats.dev) {
      options.onSkipped(found.name, 'another one took its place while the backup was made')
      return
    }
    const sizeBytes = Number(before.size)
    const holes = before.blocks * 512n < before.size && sizeBytes > chunkBytes
    const { ino, dev } = before
    const extents = holes ? await findExtents(found.path, { sizeBytes, ino, dev }, options.signal) : undefined
    const short = yield* packBody(file, { ...found, stats: before }, extents, options.signal)
    const after = await file.stat({ bigint: true })
    if (short || after.size < before.size) options.onChanged(found.name, 'it became shorter; zeros stand for the rest')
    else if (after.size > before.size) options.onChanged(found.name, 'it grew; what it held at first is stored')
    else if (after.mtimeNs !== before.mtimeNs || after.ctimeNs !== before.ctimeNs)
      options.onChanged(found.name, 'it was written to; what is stored may be neither the old nor the new')
  } catch (error) {
    options.signal?.throwIfAborted()
    // Before its header was written nothing of it is in the archive; later the archive would be broken.
    if (file !== undefined || !isFileError(error)) throw error
    options.onSkipped(found.name, reasonOf(error))
  } finally {
    await file?.close()
  }
}

/** @returns whether the file ended before its size was read */
async function* packBody(
  file: FileHandle,
  found: FoundEntry,
  extents: readonly Extent[] | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, boolean> {
  const sizeBytes = Number(found.stats.size)
  const parts = extents ?? [{ offset: 0, bytes: sizeBytes }]
  const map = extents && encodeMap(extents, sizeBytes)
  const bodyBytes = parts.reduce((sum, one) => sum + one.bytes, map?.length ?? 0)
  yield encodeHeader({ ...factsOf(found), bodyBytes, sparseBytes: map && sizeBytes })
  if (map !== undefined) yield map
  let short = false
  for (const { offset, bytes } of parts) {
    for (let at = 0; at < bytes; ) {
      signal?.throwIfAborted()
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, bytes - at))
      const bytesRead = short ? 0 : (await file.read(chunk, 0, chunk.length, offset + at)).bytesRead
      if (bytesRead === 0) short = true
      yield short ? chunk.fill(0) : chunk.subarray(0, bytesRead)
      at += short ? chunk.length : bytesRead
    }
  }
  yield Buffer.alloc(paddingOf(bodyBytes))
  return short
}

function factsOf({ kind, name, stats }: FoundEntry): Omit<TarEntry, 'bodyBytes'> {
  const { mode, uid, gid, mtimeNs } = stats
  return { kind, name, mode: Number(mode) & 0o7777, uid: Number(uid), gid: Number(gid), mtimeNs }
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
