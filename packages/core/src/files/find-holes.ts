import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** A part of a file that is no hole. */
export interface Extent {
  readonly offset: number
  readonly bytes: number
}

const chunkBytes = 4 * 2 ** 20
/** Shorter runs of zeros are stored as they are: they pack to nothing. */
const holeBytes = 65_536
/** A file in more pieces is stored as one without holes: its map would not be small any more. */
const maxExtents = 100_000
/** Direct reads want memory that begins at some multiple, a page at most; the allocator gives multiples of 16. */
const pageBytes = 4096
const allocatorBytes = 16

/**
 * The parts of a file that hold anything but zeros; undefined where it is not worth a map. Node cannot ask the file system
 * for holes (no SEEK_HOLE), so the zeros are read: past the page cache where the system can, which is many times faster
 * and does not push the memory of others out.
 */
export async function findExtents(
  path: Buffer,
  sizeBytes: number,
  signal: AbortSignal | undefined,
): Promise<readonly Extent[] | undefined> {
  const memory = new ArrayBuffer(chunkBytes + pageBytes)
  const direct = await openDirect(path, memory)
  const { file, chunk } = direct ?? { file: await open(path, reading), chunk: Buffer.from(memory, 0, chunkBytes) }
  try {
    return await scan(file, chunk, sizeBytes, signal)
  } finally {
    await file.close()
  }
}

const reading = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Opens a file for reads past the page cache, and finds where in the memory they may go; undefined where there are none. */
async function openDirect(path: Buffer, memory: ArrayBuffer) {
  if (constants.O_DIRECT === undefined) return undefined
  const file = await open(path, reading | constants.O_DIRECT).catch(orInvalid)
  if (file === undefined) return undefined
  for (let at = 0; at < pageBytes; at += allocatorBytes) {
    const chunk = Buffer.from(memory, at, chunkBytes)
    if ((await file.read(chunk, 0, pageBytes, 0).catch(orInvalid)) !== undefined) return { file, chunk }
  }
  await file.close()
  return undefined
}

/** What cannot be read so says that the call is not valid; the ordinary way reads it. */
function orInvalid(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return undefined
  throw error
}

async function scan(file: FileHandle, chunk: Buffer, sizeBytes: number, signal: AbortSignal | undefined) {
  const zeros = Buffer.alloc(chunkBytes)
  const extents: Extent[] = []
  let open: { readonly offset: number; end: number } | undefined
  for (let at = 0; at < sizeBytes; ) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, at)
    if (bytesRead === 0) break
    if (!chunk.subarray(0, bytesRead).equals(zeros.subarray(0, bytesRead))) {
      for (let from = 0; from < bytesRead; from += holeBytes) {
        const to = Math.min(from + holeBytes, bytesRead)
        if (chunk.subarray(from, to).equals(zeros.subarray(0, to - from))) continue
        if (open?.end === at + from) open.end = at + to
        else {
          if (open !== undefined) extents.push({ offset: open.offset, bytes: open.end - open.offset })
          open = { offset: at + from, end: at + to }
        }
      }
    }
    if (extents.length > maxExtents) return undefined
    at += bytesRead
  }
  if (open !== undefined) extents.push({ offset: open.offset, bytes: Math.min(open.end, sizeBytes) - open.offset })
  return extents
}

/** The map at the front of a file with holes, as GNU tar's format 1.0 has it, filled up to whole blocks. */
export function encodeMap(extents: readonly Extent[], sizeBytes: number): Buffer {
  // An empty part at the end of the file gives it its size.
  const ended = extents.some(one => one.offset + one.bytes === sizeBytes)
    ? extents
    : [...extents, { offset: sizeBytes, bytes: 0 }]
  const lines = [ended.length, ...ended.flatMap(one => [one.offset, one.bytes])]
  const text = Buffer.from(`${lines.join('\n')}\n`)
  return Buffer.concat([text, Buffer.alloc((512 - (text.length % 512)) % 512)])
}
