import { BackupError } from '../errors/backup-error.js'
import { type ArchiveEntry, type ArchiveHeader, knownMinorVersions, type TableOfContents } from './archive-header.js'

/** Bounds against a hostile archive: a definition, the whole front, the number of entries. */
const maxStringBytes = 64 * 2 ** 20
const maxFrontBytes = 256 * 2 ** 20
const maxEntries = 1_000_000
const maxDependencies = 100_000

/** How the header names the layout. A folder's `toc.dat` says 3, the tar format (`_CloseArchive` in pg_backup_directory.c). */
const formatBytes = { custom: 1, directory: 3 } as const

const sections = ['none', 'none', 'pre-data', 'data', 'post-data'] as const

class Short extends Error {
  constructor(readonly needBytes: number) {
    super('more bytes are needed')
  }
}

/** Says that the archive is of a version, format or size that this reader does not know. */
export class UnknownArchive extends Error {}

/**
 * Reads header and table of contents from bytes that arrive in any split. Each entry is parsed once it is whole.
 */
export class FrontReader {
  #buffer = Buffer.alloc(0)
  #length = 0
  #need = 0
  #offset = 0
  #header: ArchiveHeader | undefined
  readonly #entries: ArchiveEntry[] = []
  readonly #layout: keyof typeof formatBytes

  /** @param layout of the archive: one file (`-Fc`), or the `toc.dat` of a folder (`-Fd`) */
  constructor(layout: keyof typeof formatBytes = 'custom') {
    this.#layout = layout
  }

  /** Takes bytes; returns how many of them lie behind the front once it is complete, undefined before. */
  push(bytes: Uint8Array): { readonly rest: Uint8Array; readonly toc: TableOfContents } | undefined {
    this.#append(bytes)
    if (this.#length < this.#need) return undefined
    try {
      this.#header ??= this.#readHeader()
      while (this.#entries.length < this.#header.entryCount) {
        const entry = this.#readEntry(this.#header)
        this.#entries.push(entry)
      }
    } catch (error) {
      if (!(error instanceof Short)) throw error
      this.#need = error.needBytes
      if (this.#need > maxFrontBytes) throw invalid(`its table of contents is larger than ${maxFrontBytes} bytes`)
      return undefined
    }
    const rest = this.#buffer.subarray(this.#offset, this.#length)
    return { rest, toc: { header: this.#header, entries: this.#entries } }
  }

  /** The bytes of the front as they were, once it is complete. */
  get frontBytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#offset)
  }

  /** Everything received so far; what an archive of an unknown version is passed on with. */
  get received(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #append(bytes: Uint8Array): void {
    if (this.#length + bytes.byteLength > this.#buffer.byteLength) {
      const grown = Buffer.allocUnsafe(Math.max(65_536, (this.#length + bytes.byteLength) * 2))
      grown.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = grown
    }
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.byteLength
  }

  #readHeader(): ArchiveHeader {
    const cursor = new Cursor(this.#buffer, 0, this.#length, 4)
    if (cursor.take(5).toString('latin1') !== 'PGDMP') throw invalid('it does not begin as pg_dump -Fc writes it')
    const major = cursor.byte()
    const minor = cursor.byte()
    cursor.byte()
    const intSize = cursor.byte()
    const offsetSize = cursor.byte()
    const format = cursor.byte()
    if (major !== 1 || minor < knownMinorVersions.first || minor > knownMinorVersions.last) {
      throw new UnknownArchive(`archive version ${major}.${minor}`)
    }
    if (intSize < 4 || intSize > 8 || offsetSize < 4 || offsetSize > 8 || format !== formatBytes[this.#layout]) {
      throw new UnknownArchive(`archive format ${format} with integers of ${intSize} bytes`)
    }
    cursor.intSize = intSize
    const compression = minor >= 15 ? cursor.byte() : cursor.int()
    for (let i = 0; i < 7; i++) cursor.int()
    const database = cursor.string()
    const serverVersion = cursor.string()
    const pgDumpVersion = cursor.string()
    const entryCount = cursor.int()
    if (entryCount < 0 || entryCount > maxEntries) throw invalid(`it claims ${entryCount} entries`)
    this.#offset = cursor.offset
    return {
      version: `${major}.${minor}`,
      intSize,
      offsetSize,
      compression,
      database,
      serverVersion,
      pgDumpVersion,
      entryCount,
    }
  }

  #readEntry(header: ArchiveHeader): ArchiveEntry {
    const cursor = new Cursor(this.#buffer, this.#offset, this.#length, header.intSize)
    const minor = Number(header.version.split('.')[1])
    const dumpId = cursor.int()
    const hasData = cursor.int() !== 0
    cursor.string() // table oid
    cursor.string() // oid
    const tag = cursor.string() ?? ''
    const description = cursor.string() ?? ''
    const section = cursor.int()
    const definition = cursor.string() ?? ''
    const dropStatement = cursor.string() ?? ''
    const copyStatement = cursor.string()
    const namespace = cursor.string()
    cursor.string() // tablespace
    cursor.string() // table access method
    if (minor >= 16) cursor.int() // relkind
    const owner = cursor.string()
    cursor.string() // a legacy flag
    const dependencies: number[] = []
    for (let text = cursor.string(); text !== null; text = cursor.string()) {
      if (dependencies.length >= maxDependencies) throw invalid('an entry depends on too many others')
      dependencies.push(Number(text))
    }
    const fileName = this.#layout === 'custom' ? null : cursor.string()
    if (this.#layout === 'custom') cursor.take(1 + header.offsetSize)
    this.#offset = cursor.offset
    return {
      dumpId,
      hasData,
      tag,
      description,
      section: sections[section] ?? 'none',
      definition,
      dropStatement,
      copyStatement: copyStatement === '' ? null : copyStatement,
      namespace: namespace === '' ? null : namespace,
      owner: owner === '' ? null : owner,
      dependencies,
      ...(fileName === null || fileName === '' ? {} : { fileName }),
    }
  }
}

class Cursor {
  constructor(
    readonly buffer: Buffer,
    public offset: number,
    readonly end: number,
    public intSize: number,
  ) {}

  take(count: number): Buffer {
    if (this.offset + count > this.end) throw new Short(this.offset + count)
    this.offset += count
    return this.buffer.subarray(this.offset - count, this.offset)
  }

  byte(): number {
    if (this.offset >= this.end) throw new Short(this.offset + 1)
    return this.buffer[this.offset++]!
  }

  int(): number {
    const raw = this.take(1 + this.intSize)
    return readArchiveInt(raw, 0, this.intSize)
  }

  string(): string | null {
    const length = this.int()
    if (length < 0) return null
    if (length > maxStringBytes) throw invalid(`it holds a text of ${length} bytes`)
    return this.take(length).toString('utf8')
  }
}

/** A sign byte and `intSize` little-endian bytes. */
export function readArchiveInt(bytes: Uint8Array, at: number, intSize: number): number {
  let value = 0
  for (let i = intSize; i >= 1; i--) value = value * 256 + bytes[at + i]!
  return bytes[at] === 0 ? value : -value
}

export function invalid(why: string): BackupError {
  return new BackupError('archive-invalid', `the archive is not valid: ${why}`, {
    hint: 'the dump is damaged; use another backup',
  })
}
