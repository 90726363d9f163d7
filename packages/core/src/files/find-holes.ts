import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

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

/** A file as it was opened. */
export interface OpenedFile {
  readonly sizeBytes: number
  readonly ino: bigint
  readonly dev: bigint
}

/**
 * The parts of a file that hold anything but zeros; undefined where it is not worth a map, or is another file by now. Node cannot ask the file system
 * for holes (no SEEK_HOLE), so the zeros are read: past the page cache where the system can, which is many times faster
 * and does not push the memory of others out.
 */
export async function findExtents(
  path: Buffer,
  opened: OpenedFile,
  signal: AbortSignal | undefined,
): Promise<readonly Extent[] | undefined> {
  const reader = await openReader(path)
  try {
    return await scan(reader, opened, signal)
  } finally {
    await reader.close()
  }
}

const reading = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Reads long chunks of a file from any place; nothing at its end. */
interface ChunkReader {
  isOf(opened: OpenedFile): Promise<boolean>
  /** Valid until the next call. */
  read(at: number): Promise<Buffer>
  close(): Promise<void>
}

/**
 * Opens a file for reads past the page cache, where the system has them. Where in the memory they may go only a refusal
 * tells, and a hole takes any place: so the place is looked for whenever one is refused.
 */
async function openReader(path: Buffer): Promise<ChunkReader> {
  const memory = new ArrayBuffer(chunkBytes + pageBytes)
  const { O_DIRECT } = constants
  const ifDirect = O_DIRECT === undefined ? undefined : await open(path, reading | O_DIRECT).catch(orInvalid)
  let file = ifDirect ?? (await open(path, reading))
  let direct = ifDirect !== undefined
  let place = 0
  const readAt = (at: number) => {
    const chunk = Buffer.from(memory, place, chunkBytes)
    return file.read(chunk, 0, chunkBytes, at).then(({ bytesRead }) => chunk.subarray(0, bytesRead))
  }
  return {
    async isOf({ ino, dev }) {
      const stats = await file.stat({ bigint: true })
      return stats.ino === ino && stats.dev === dev
    },
    async read(at) {
      for (; direct && place < pageBytes; place += allocatorBytes) {
        const chunk = await readAt(at).catch(orInvalid)
        if (chunk !== undefined) return chunk
      }
      if (direct) {
        // Neither memory nor size is to blame: a file that became shorter ends where no such read may begin.
        const ordinary = await open(path, reading)
        await file.close()
        file = ordinary
        direct = false
        place = 0
      }
      return readAt(at)
    },
    close: () => file.close(),
  }
}

/** What cannot be read so says that the call is not valid; the ordinary way reads it. */
function orInvalid(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return undefined
  throw error
}

async function scan(reader: ChunkReader, opened: OpenedFile, signal: AbortSignal | undefined) {
  const { sizeBytes } = opened
  const zeros = Buffer.alloc(chunkBytes)
  const extents: Extent[] = []
  let open: { readonly offset: number; end: number } | undefined
  for (let at = 0; at < sizeBytes; ) {
    signal?.throwIfAborted()
    const read = await reader.read(at)
    if (read.length === 0) break
    // It may have grown: what came behind its end is no part of it.
    const chunk = read.subarray(0, sizeBytes - at)
    if (!chunk.equals(zeros.subarray(0, chunk.length))) {
      for (let from = 0; from < chunk.length; from += holeBytes) {
        const to = Math.min(from + holeBytes, chunk.length)
        if (chunk.subarray(from, to).equals(zeros.subarray(0, to - from))) continue
        if (open?.end === at + from) open.end = at + to
        else {
          if (open !== undefined) extents.push({ offset: open.offset, bytes: open.end - open.offset })
          open = { offset: at + from, end: at + to }
        }
      }
    }
    if (extents.length > maxExtents) return undefined
    at += read.length
  }
  if (open !== undefined) extents.push({ offset: open.offset, bytes: open.end - open.offset })
  return (await reader.isOf(opened)) ? extents : undefined
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
