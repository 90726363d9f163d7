import { createHash, type Hash } from 'node:crypto'
import { BackupError } from '../errors/backup-error.js'
import type { ArchiveEntry, TableOfContents } from './archive-header.js'
import { FrameDigest } from './frame-digest.js'
import { FrontReader, invalid, readArchiveInt, UnknownArchive } from './front-reader.js'
import { RowDigest } from './row-digest.js'

/** How much data an archive has of one table. */
export interface CountedTable {
  readonly schema: string
  readonly name: string
  readonly rows: number
  readonly bytes: number
}

/** One table's data in an archive. `sha256` is over the row bytes as COPY wrote them. */
export interface ScannedTable extends CountedTable {
  readonly sha256: string
}

/**
 * What a scan learned. `null` for `toc` and `tables`: the archive is of a version this reader does not know; for `tables`
 * alone: the visitor hashes the rows itself.
 */
export interface ArchiveSummary {
  /** What was read; a re-framed archive is shorter. */
  readonly bytes: number
  readonly unknownBecause: string | null
  /**
   * SHA-256 of what is neither a table's rows nor a large object's bytes: header, table of contents, and the framing of
   * the blocks, as read or, for a re-framed archive, as written. With the hashes of tables and large objects it covers
   * every byte, and each once. `null` as for `tables`.
   */
  readonly frameSha256: string | null
  readonly toc: TableOfContents | null
  readonly tables: readonly ScannedTable[] | null
  readonly largeObjects: { readonly count: number; readonly bytes: number; readonly sha256: string } | null
}

/** Who else wants to see the archive's parts as they pass. Bytes are only valid during the call, where nothing else is said. */
export interface ArchiveVisitor {
  readonly contents?: (toc: TableOfContents, frontBytes: Uint8Array) => void
  readonly tableStarted?: (entry: ArchiveEntry) => void
  /** Valid until more is pushed. */
  readonly rows?: (bytes: Uint8Array) => void
  /** `false`: the rows are not hashed here, but by the visitor when it has used them. Default: true. */
  readonly hashRows?: boolean
  readonly tableFinished?: (table: CountedTable) => void
  /** The raw bytes of a block that is not a table's. */
  readonly otherBlock?: (bytes: Uint8Array) => void
  /** The archive is of an unknown version: every byte, unread. */
  readonly unread?: ((bytes: Uint8Array) => void) | undefined
  /** Every byte of an equal archive whose chunks of rows are as long as they come: pg_dump writes one for each row. */
  readonly reframed?: ((bytes: Uint8Array) => void) | undefined
}

const blockData = 1
const blockLargeObjects = 3
/** A chunk never exceeds what a COPY row can hold (1 GiB) plus its escapes. */
const maxChunkBytes = 2 ** 31

type State = 'front' | 'block' | 'rows' | 'object-oid' | 'object' | 'unknown'

/**
 * Reads pg_dump's custom format as it streams past, in any split of its bytes, and proves that it ended properly:
 * every entry that has data was seen once, and the last block was closed.
 */
export class ArchiveScanner {
  readonly #visitor: ArchiveVisitor
  readonly #front = new FrontReader()
  #state: State = 'front'
  #unknownBecause: string | null = null
  #toc: TableOfContents | null = null
  #intBytes = 5
  readonly #expected = new Map<number, ArchiveEntry>()
  readonly #tables: ScannedTable[] = []
  #entry: ArchiveEntry | undefined
  #digest: RowDigest | undefined
  readonly #frame = new FrameDigest()
  #remaining = 0
  #objects: { count: number; bytes: number; hash: Hash } | undefined
  #scratch = Buffer.alloc(0)
  #stashed = 0
  #stashedAt = 0
  #bytes = 0

  constructor(visitor: ArchiveVisitor = {}) {
    this.#visitor = visitor
  }

  /** @throws BackupError `archive-invalid` */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength
    if (this.#state === 'front') this.#pushFront(chunk)
    else this.#pushBlocks(chunk)
  }

  /** @throws BackupError `archive-truncated` when the end is not the archive's end */
  finish(): ArchiveSummary {
    if (this.#state === 'unknown') {
      const nothing = { frameSha256: null, toc: null, tables: null, largeObjects: null }
      return { bytes: this.#bytes, unknownBecause: this.#unknownBecause, ...nothing }
    }
    if (this.#bytes === 0) throw truncated('it is empty')
    if (this.#state === 'front') throw truncated('it ends within its table of contents')
    if (this.#state !== 'block' || this.#stashed > 0) {
      throw truncated(`it ends within the data of ${this.#entry ? nameOf(this.#entry) : 'a block'}`)
    }
    const missing = [...this.#expected.values()]
    if (missing.length > 0)
      throw truncated(`the data of ${missing.length} entries is missing, first ${nameOf(missing[0]!)}`)
    const objects = this.#objects
    return {
      bytes: this.#bytes,
      unknownBecause: null,
      frameSha256: this.#frame.finish(),
      toc: this.#toc,
      tables: this.#visitor.hashRows === false ? null : this.#tables,
      largeObjects: {
        count: objects?.count ?? 0,
        bytes: objects?.bytes ?? 0,
        sha256: (objects?.hash ?? createHash('sha256')).digest('hex'),
      },
    }
  }

  #pushFront(chunk: Uint8Array): void {
    let done: ReturnType<FrontReader['push']>
    try {
      done = this.#front.push(chunk)
    } catch (error) {
      if (!(error instanceof UnknownArchive)) throw error
      this.#becomeUnknown(error.message)
      return
    }
    if (done === undefined) return
    if (done.toc.header.compression !== 0) {
      this.#becomeUnknown('its blocks are compressed')
      return
    }
    this.#toc = done.toc
    this.#intBytes = 1 + done.toc.header.intSize
    for (const entry of done.toc.entries) if (entry.hasData) this.#expected.set(entry.dumpId, entry)
    this.#visitor.contents?.(done.toc, this.#front.frontBytes)
    this.#passFrame(this.#front.frontBytes)
    this.#state = 'block'
    if (done.rest.byteLength > 0) this.#pushBlocks(done.rest)
  }

  #becomeUnknown(why: string): void {
    this.#unknownBecause = why
    this.#state = 'unknown'
    this.#visitor.unread?.(this.#front.received)
    this.#visitor.reframed?.(this.#front.received)
  }

  #pushBlocks(chunk: Uint8Array): void {
    if (this.#state === 'unknown') {
      this.#visitor.unread?.(chunk)
      this.#visitor.reframed?.(chunk)
      return
    }
    const stashed = this.#stashed
    const end = stashed + chunk.byteLength
    // Only now: whoever was given rows by the last push may have used them until this one.
    const stash = this.#scratch.subarray(this.#stashedAt, this.#stashedAt + stashed)
    if (this.#scratch.byteLength < end) {
      const grown = Buffer.allocUnsafeSlow(end + 64)
      grown.set(stash)
      this.#scratch = grown
    } else this.#scratch.set(stash)
    this.#scratch.set(chunk, stashed)
    let at = 0
    for (;;) {
      const before = at
      at = this.#advance(at, end)
      if (at === end || at === before) break
    }
    this.#stashedAt = at
    this.#stashed = end - at
  }

  /** Consumes what it can of scratch[at, end); returns where it stopped, unmoved when it needs more bytes. */
  #advance(at: number, end: number): number {
    if (this.#state === 'rows') return this.#advanceRows(at, end)
    if (this.#state === 'block') return this.#advanceBlock(at, end)
    return this.#advanceObjects(at, end)
  }

  #advanceBlock(at: number, end: number): number {
    const size = 1 + this.#intBytes
    if (end - at < size) return at
    const type = this.#scratch[at]!
    const dumpId = this.#int(at + 1)
    const entry = this.#expected.get(dumpId)
    if (type !== blockData && type !== blockLargeObjects) throw invalid(`a block of unknown type ${type}`)
    if (entry === undefined) throw invalid(`a block for entry ${dumpId}, which has no data or was already read`)
    this.#expected.delete(dumpId)
    this.#entry = entry
    this.#remaining = 0
    this.#passFrame(this.#scratch.subarray(at, at + size))
    if (type === blockData) {
      this.#digest = new RowDigest(this.#visitor.hashRows)
      this.#state = 'rows'
      this.#visitor.tableStarted?.(entry)
    } else {
      this.#objects ??= { count: 0, bytes: 0, hash: createHash('sha256') }
      this.#state = 'object-oid'
      this.#visitor.otherBlock?.(this.#scratch.subarray(at, at + size))
    }
    return at + size
  }

  /** The hot loop: moves row bytes together over their chunk headers, then digests them in one run. */
  #advanceRows(at: number, end: number): number {
    const buffer = this.#scratch
    const intBytes = this.#intBytes
    // Where the chunks are made anew, it is the new ones' lengths that count.
    const frame = this.#visitor.reframed === undefined ? this.#frame : undefined
    const runStart = at
    let write = at
    let read = at
    let remaining = this.#remaining
    let closed = false
    for (;;) {
      if (remaining > 0) {
        const take = Math.min(remaining, end - read)
        if (write !== read) buffer.copyWithin(write, read, read + take)
        write += take
        read += take
        remaining -= take
        if (remaining > 0) break
      }
      if (end - read < intBytes) break
      const length = intBytes === 5 ? fastInt(buffer, read) : readArchiveInt(buffer, read, intBytes - 1)
      if (length < 0 || length > maxChunkBytes) throw invalid(`a chunk of ${length} bytes in ${nameOf(this.#entry!)}`)
      frame?.update(buffer.subarray(read, read + intBytes))
      read += intBytes
      if (length === 0) {
        closed = true
        break
      }
      remaining = length
    }
    this.#remaining = remaining
    if (write > runStart) this.#passRun(buffer.subarray(runStart, write))
    if (closed) this.#closeTable()
    return read
  }

  #passRun(run: Uint8Array): void {
    this.#digest!.update(run, this.#visitor.rows ?? ignore)
    if (this.#visitor.reframed === undefined) return
    this.#passFrame(this.#chunkHeader(run.byteLength))
    this.#visitor.reframed(run)
  }

  #passFrame(bytes: Uint8Array): void {
    this.#frame.update(bytes)
    this.#visitor.reframed?.(bytes)
  }

  #chunkHeader(length: number): Uint8Array {
    const header = Buffer.alloc(this.#intBytes)
    header.writeUIntLE(length, 1, Math.min(6, this.#intBytes - 1))
    return header
  }

  #closeTable(): void {
    if (this.#visitor.reframed !== undefined) this.#passFrame(this.#chunkHeader(0))
    const entry = this.#entry!
    const digest = this.#digest!.finish()
    if (digest === undefined) throw invalid(`the data of ${nameOf(entry)} does not end as COPY ends it`)
    const { sha256, ...counted } = digest
    const table = { schema: entry.namespace ?? '', name: entry.tag, ...counted }
    if (sha256 !== undefined) this.#tables.push({ ...table, sha256 })
    this.#state = 'block'
    this.#entry = undefined
    this.#visitor.tableFinished?.(table)
  }

  #advanceObjects(at: number, end: number): number {
    const objects = this.#objects!
    if (this.#state === 'object' && this.#remaining > 0) {
      const take = Math.min(this.#remaining, end - at)
      const bytes = this.#scratch.subarray(at, at + take)
      objects.hash.update(bytes)
      objects.bytes += take
      this.#visitor.otherBlock?.(bytes)
      this.#visitor.reframed?.(bytes)
      this.#remaining -= take
      return at + take
    }
    if (end - at < this.#intBytes) return at
    const value = this.#int(at)
    const number = this.#scratch.subarray(at, at + this.#intBytes)
    this.#visitor.otherBlock?.(number)
    this.#passFrame(number)
    if (value < -(2 ** 31) || value > 2 ** 32) throw invalid(`a number ${value} in the large objects`)
    if (this.#state === 'object') {
      if (value < 0) throw invalid(`a chunk of ${value} bytes in a large object`)
      if (value === 0) this.#state = 'object-oid'
      else this.#remaining = value
    } else if (value === 0) {
      this.#state = 'block'
      this.#entry = undefined
    } else {
      objects.count++
      // pg_dump writes the unsigned id as a signed integer (`WriteInt` in `_StartLO`): ids from 2^31 on come negative.
      objects.hash.update(`${value >>> 0}:`)
      this.#state = 'object'
      this.#remaining = 0
    }
    return at + this.#intBytes
  }

  #int(at: number): number {
    return readArchiveInt(this.#scratch, at, this.#intBytes - 1)
  }
}

function fastInt(bytes: Uint8Array, at: number): number {
  const value = (bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 24)) >>> 0
  return bytes[at] === 0 ? value : -value
}

function nameOf(entry: ArchiveEntry): string {
  const name = entry.namespace === null ? entry.tag : `${entry.namespace}.${entry.tag}`
  return `${entry.description.toLowerCase()} ${JSON.stringify(name)}`
}

export function truncated(why: string): BackupError {
  return new BackupError('archive-truncated', `the archive is cut short: ${why}`, {
    hint: 'the dump did not run to its end; make a new one',
  })
}

function ignore(): void {}
