import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { ArchiveEntry, TableOfContents } from '../archive/archive-header.js'
import {
  ArchiveScanner,
  type ArchiveSummary,
  type CountedTable,
  type ScannedTable,
} from '../archive/archive-scanner.js'
import { BackupError } from '../errors/backup-error.js'
import { diskError, temporaryPlace } from '../errors/disk-error.js'
import type { ByteSource } from '../streams/byte-source.js'

/** Takes the rows of one table after the other. */
export interface RowSink {
  start(entry: ArchiveEntry): Promise<void>
  /** The bytes may change once the promise is resolved. */
  rows(bytes: Uint8Array): Promise<void>
  /** Fails later where the database did not take as many rows. */
  finishTable(table: CountedTable): void
  /** Resolves once every table is in. */
  finish(): Promise<void>
  close(): Promise<void>
}

/** What reacts to an archive that streams past; each call is awaited before the next bytes are read. */
export interface ArchiveLoad {
  /** Header and table of contents have passed; `frontFile` holds them, an archive without data for pg_restore. */
  contents(toc: TableOfContents, frontFile: string): Promise<RowSink>
  /** With which entry's COPY statement rows are loaded; undefined: not at all. The archive is read to its end either way. */
  placeRows(entry: ArchiveEntry): ArchiveEntry | undefined
  /**
   * All rows of a table were sent, and none of them is committed: what throws here loses them. The hash is of the bytes as
   * they were after the database had taken them: what wrote over them on their way would show.
   */
  tableSent(table: ScannedTable): void
  tableLoaded(table: CountedTable): void
}

/** What is left for pg_restore when the rows are in. */
export interface LoadedArchive {
  readonly summary: ArchiveSummary
  /** The front and the blocks that are not tables' (large objects); the whole archive where its version is unknown. */
  readonly otherFile: string
}

type Passing =
  | { readonly type: 'contents'; readonly toc: TableOfContents; readonly front: Buffer }
  | { readonly type: 'table'; readonly entry: ArchiveEntry }
  | { readonly type: 'rows'; readonly bytes: Uint8Array }
  | { readonly type: 'loaded'; readonly table: CountedTable }
  | { readonly type: 'other'; readonly bytes: Buffer }

/**
 * Streams an archive into a database: rows go straight into COPY, the rest into files for pg_restore. Resolves only
 * after the archive's end was proven.
 */
export async function loadArchive(source: ByteSource, folder: string, load: ArchiveLoad): Promise<LoadedArchive> {
  const otherFile = join(folder, 'other.dump')
  const other = createWriteStream(otherFile, { mode: 0o600 })
  // It fails whenever it likes, and would end the process if nobody listened; the next write, or the end, meets the error.
  other.on('error', () => {})
  const passing: Passing[] = []
  const scanner = new ArchiveScanner({
    contents: (toc, front) => passing.push({ type: 'contents', toc, front: Buffer.from(front) }),
    tableStarted: entry => passing.push({ type: 'table', entry }),
    hashRows: false,
    // Not copied: each part is awaited before the scanner gets more and writes over it.
    rows: bytes => passing.push({ type: 'rows', bytes }),
    tableFinished: table => passing.push({ type: 'loaded', table }),
    otherBlock: bytes => passing.push({ type: 'other', bytes: Buffer.from(bytes) }),
    unread: bytes => passing.push({ type: 'other', bytes: Buffer.from(bytes) }),
  })
  const notWritable = (error: unknown): never => {
    throw unwritable(error, folder)
  }
  let loader: RowSink | undefined
  let loading = false
  let sent = createHash('sha256')
  try {
    for await (const chunk of source) {
      scanner.push(chunk)
      for (const part of passing.splice(0)) await take(part)
    }
    const summary = scanner.finish()
    await loader?.finish()
    await finished(other.end()).catch(notWritable)
    return { summary, otherFile }
  } finally {
    other.destroy()
    await loader?.close()
  }

  async function write(bytes: Buffer): Promise<void> {
    if (other.errored) notWritable(other.errored)
    if (!other.write(bytes)) await once(other, 'drain').catch(notWritable)
  }

  async function start(entry: ArchiveEntry | undefined): Promise<void> {
    loading = entry !== undefined
    sent = createHash('sha256')
    if (entry !== undefined) await loader!.start(entry)
  }

  async function take(part: Passing): Promise<void> {
    switch (part.type) {
      case 'contents': {
        const frontFile = join(folder, 'front.dump')
        await writeFile(frontFile, part.front, { mode: 0o600 }).catch(notWritable)
        await write(part.front)
        loader = await load.contents(part.toc, frontFile)
        return
      }
      case 'table':
        return start(load.placeRows(part.entry))
      case 'rows':
        if (!loading) return
        await loader!.rows(part.bytes)
        sent.update(part.bytes)
        return
      case 'loaded':
        if (!loading) return
        load.tableSent({ ...part.table, sha256: sent.digest('hex') })
        loader!.finishTable(part.table)
        load.tableLoaded(part.table)
        return
      case 'other':
        return write(part.bytes)
    }
  }
}

function unwritable(error: unknown, folder: string): BackupError {
  const hint = 'definitions and large objects wait there: make room for them, or set TMPDIR to a folder that has it'
  const found = diskError(error, { ...temporaryPlace(folder), hint })
  if (found !== undefined) return found
  const why = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return new BackupError('restore-failed', `the working folder ${folder} cannot be written to: ${why}`, {
    cause: error,
    hint,
  })
}
