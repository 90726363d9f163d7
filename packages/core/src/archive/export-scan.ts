import { decompress } from '../codec/codec.js'
import { isBackupError } from '../errors/backup-error.js'
import { type ByteSource, readWhole } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { Handover } from '../streams/handover.js'
import type { ArchiveEntry, TableOfContents } from './archive-header.js'
import { type ArchiveSummary, type ScannedTable, truncated } from './archive-scanner.js'
import { FrontReader, invalid, UnknownArchive } from './front-reader.js'
import { RowDigest } from './row-digest.js'
import type { Scan } from './scan-stage.js'
import { readTar, type TarFile } from './tar-reader.js'

const maxTocBytes = 256 * 2 ** 20

/** What one data file of the folder holds: its rows, or null where they could not be read. */
type Counted = { readonly rows: number; readonly bytes: number; readonly sha256: string } | null

/**
 * Passes an export on unchanged (a `tar.gz` of a folder that `pg_dump -Fd` wrote) and reads it on the way: every file to
 * its end, the table of contents, rows and SHA-256 of each table. Nothing is unpacked to the disk. The stream ends only
 * after every file that the table of contents names was seen whole; `done` gets the scan before that.
 * @throws BackupError `archive-truncated`, `archive-invalid`
 */
export async function* exportScanned(source: ByteSource, done: (scan: Scan) => void): ByteSource {
  const digest = new PassingDigest()
  const passing = new Handover()
  const scanning = scanExport(passing.read()).catch((error: unknown) => {
    // What does not inflate is no damaged object of ours: it came like that, or was cut on its way.
    const raised = isBackupError(error, 'object-damaged') ? truncated(error.message) : error
    passing.fail(raised)
    throw raised
  })
  // Met where the source ends; until then it must not count as unhandled.
  scanning.catch(() => {})
  try {
    for await (const chunk of source) {
      digest.update(chunk)
      await passing.give(chunk)
      yield chunk
    }
    passing.end()
    done({ summary: await scanning, bytes: digest.bytes, sha256: digest.sha256 })
  } finally {
    passing.end()
    // Its failure is thrown already, or the one that led here is the one to report.
    await scanning.catch(() => {})
  }
}

/**
 * Reads the table of contents of an export, and no further than it lies.
 * @returns undefined for an archive of an unknown version
 * @throws BackupError `archive-invalid` where there is none
 */
export async function readExportContents(source: ByteSource): Promise<TableOfContents | undefined> {
  for await (const file of readTar(decompress(source, 'gzip'))) {
    if (!/(^|\/)toc\.dat$/.test(file.name)) continue
    const front = await readToc(file)
    return 'toc' in front ? front.toc : undefined
  }
  throw noToc()
}

async function scanExport(source: ByteSource): Promise<ArchiveSummary> {
  const counted = new Map<string, Counted>()
  const objectLists = new Map<string, string>()
  let front: { readonly toc: TableOfContents } | { readonly unknownBecause: string } | undefined
  let bytes = 0
  for await (const file of readTar(decompress(source, 'gzip'))) {
    const name = file.name.slice(file.name.lastIndexOf('/') + 1)
    bytes += file.sizeBytes
    if (name === 'toc.dat') front = await readToc(file)
    else if (/^blobs(_\d+)?\.toc$/.test(name))
      objectLists.set(name, (await readWhole(file.body, maxTocBytes)).toString())
    else counted.set(withoutCompression(name), await countRows(file, name))
  }
  if (front === undefined) throw noToc()
  if ('unknownBecause' in front)
    return {
      bytes,
      unknownBecause: front.unknownBecause,
      frameSha256: null,
      toc: null,
      tables: null,
      largeObjects: null,
    }
  const { entries } = front.toc
  const tables: ScannedTable[] = []
  let unread: string | undefined
  for (const entry of entries) {
    if (!entry.hasData || entry.fileName === undefined) continue
    const objects = objectLists.get(entry.fileName)
    if (objects !== undefined) {
      assertObjects(objects, counted)
      continue
    }
    const found = counted.get(entry.fileName)
    if (found === undefined) throw truncated(`the data of ${nameOf(entry)} is missing`)
    if (found === null) unread ??= entry.fileName
    else tables.push({ schema: entry.namespace ?? '', name: entry.tag, ...found })
  }
  return {
    bytes,
    frameSha256: null,
    unknownBecause: unread === undefined ? null : `the rows in ${unread} could not be read`,
    toc: front.toc,
    tables: unread === undefined ? tables : null,
    // Their files were read to the end; in which order a tar archive holds them is nobody's promise.
    largeObjects: null,
  }
}

async function readToc(file: TarFile) {
  const reader = new FrontReader('directory')
  try {
    const toc = reader.push(await readWhole(file.body, maxTocBytes))
    if (toc === undefined) throw truncated('it ends within its table of contents')
    return toc
  } catch (error) {
    if (error instanceof UnknownArchive) return { unknownBecause: error.message }
    throw error
  }
}

/** Reads a file to its end, which proves its gzip whole, and counts rows where it holds some. */
async function countRows(file: TarFile, name: string): Promise<Counted> {
  const digest = new RowDigest()
  const readable = /\.dat(\.gz)?$/.test(name)
  const plain = name.endsWith('.gz') ? decompress(file.body, 'gzip') : file.body
  for await (const chunk of plain) if (readable) digest.update(chunk, () => {})
  const found = readable ? digest.finish() : undefined
  return found?.sha256 === undefined ? null : { ...found, sha256: found.sha256 }
}

/** Every large object that a list names must be there: lines of `<oid> <file>`. */
function assertObjects(list: string, files: ReadonlyMap<string, Counted>): void {
  for (const line of list.split('\n')) {
    const name = line.split(' ')[1]
    if (name !== undefined && !files.has(name)) throw truncated(`the large object in ${name} is missing`)
  }
}

function noToc() {
  return invalid('it holds no toc.dat: it is no folder that pg_dump -Fd wrote')
}

function withoutCompression(name: string): string {
  return name.replace(/\.(gz|lz4|zst)$/, '')
}

function nameOf(entry: ArchiveEntry): string {
  return `${entry.description.toLowerCase()} ${JSON.stringify(entry.namespace === null ? entry.tag : `${entry.namespace}.${entry.tag}`)}`
}
