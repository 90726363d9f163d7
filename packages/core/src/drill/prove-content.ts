import type { Finding } from '../api/verification.js'
import type { ArchiveEntry, TableOfContents } from '../archive/archive-header.js'
import type { ScannedTable } from '../archive/archive-scanner.js'
import { type Scan, scanned } from '../archive/scan-stage.js'
import { dumpSource } from '../dump/dump-source.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import type { EventListener } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import type { PgTools } from '../postgres/find-pg-tools.js'
import type { Manifest } from '../repository/manifest.js'
import { loadsItself } from '../restore/copy-target.js'
import { describeEntry, type EntrySelection } from '../restore/select-entries.js'
import { critical } from '../verify/finding.js'
import { type ContentsDifference, compareContents, isComparable } from './compare-contents.js'

export interface ProofWork {
  readonly manifest: Manifest
  readonly toc: TableOfContents
  readonly selection: EntrySelection
  /** Of the restored database. */
  readonly url: string
  readonly tools: PgTools
  /** Whether owners and grants were restored, so that grants can be compared. */
  readonly keepsOwners: boolean
  /** Whether server and pg_dump are of the versions that made the backup: else definitions may be written otherwise. */
  readonly sameVersions: boolean
  /** The backup's definitions as this server writes them when they are restored into an empty database. */
  readonly reference: () => Promise<readonly ArchiveEntry[]>
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

export interface Proof {
  readonly tables: number
  readonly rows: number
  readonly countedOnly: number
  readonly sequences: number
  readonly largeObjects: number
  readonly entries: number
  readonly findings: readonly Finding[]
}

export const inBoth = 'the backup is sound if `lifeboat verify` says so: then the restore lost or changed it'

const madeElsewhere = 'it does not come from the backup: an extension, or something on the scratch server, made it'

/**
 * Dumps a restored database and compares everything in it with the backup: each table's rows, bytes and SHA-256, each
 * sequence's value, the large objects, and each entry of the table of contents with its definition. Nothing is written.
 */
export async function proveContent(work: ProofWork): Promise<Proof> {
  const scan = await scanRestored(work)
  const toc = scan.summary.toc
  if (toc === null || scan.summary.tables === null)
    throw new BackupError('tool-too-old', `pg_dump ${work.tools.version} writes archives that this tool cannot read`, {
      hint: 'update lifeboat, or drill with proof by counts',
    })
  const tables = compareTables(work, toc, scan.summary.tables)
  const definitions = await compareDefinitions(work, toc)
  const objects = compareLargeObjects(work, scan)
  return {
    ...tables.compared,
    sequences: work.selection.kept.filter(entry => entry.description === 'SEQUENCE SET').length,
    largeObjects: work.manifest.largeObjects?.count ?? 0,
    entries: definitions.compared,
    findings: [...tables.findings, ...definitions.findings, ...objects],
  }
}

async function scanRestored(work: ProofWork): Promise<Scan> {
  let scan: Scan | undefined
  const dump = dumpSource(parseConnectionUrl(work.url), { tools: work.tools, signal: work.signal })
  const totalBytes = work.manifest.artifacts.find(artifact => artifact.kind === 'database')?.plainBytes ?? 0
  const passing = progressing(dump, { stage: 'proof', totalBytes, emit: work.emit })
  try {
    for await (const _ of scanned(passing, done => {
      scan = done
    })) {
      // The scan looks at the bytes as they pass.
    }
  } catch (error) {
    throw withoutRights(error)
  }
  return scan!
}

/** An owner whose tables force their policies on it sees its own rows only; that says nothing about the backup. */
function withoutRights(error: unknown): unknown {
  if (!isBackupError(error, 'dump-failed') || !/row-level security/.test(error.message)) return error
  return new BackupError(
    'rows-hidden',
    `the login of the scratch server cannot read what was restored: ${error.message}`,
    {
      hint: 'give that login BYPASSRLS (alter role … bypassrls), or drill on a server of its own',
      cause: error,
    },
  )
}

function compareTables(work: ProofWork, toc: TableOfContents, found: readonly ScannedTable[]) {
  const findings: Finding[] = []
  const restored = new Map(found.map(table => [nameOf(table), table]))
  const ordered = loadedInOrder(work.selection.kept)
  const wanted = work.selection.kept.filter(entry => entry.description === 'TABLE DATA')
  const wantedNames = new Set(wanted.map(entry => `${entry.namespace}.${entry.tag}`))
  const there = new Set(
    toc.entries.filter(entry => entry.description === 'TABLE').map(entry => `${entry.namespace}.${entry.tag}`),
  )
  const tables = (work.manifest.tables ?? []).filter(table => wantedNames.has(nameOf(table)))
  let rows = 0
  let countedOnly = 0
  for (const table of tables) {
    const name = nameOf(table)
    const read = restored.get(name)
    rows += read?.rows ?? 0
    const inOrder = ordered.has(name)
    if (!inOrder) countedOnly++
    if (read === undefined)
      findings.push(
        critical(
          'table-missing',
          `${name} is ${there.has(name) ? 'there without rows' : 'missing'} in the restored database, the backup has ${table.rows} rows of it`,
          inBoth,
        ),
      )
    else if (read.rows !== table.rows)
      findings.push(
        critical(
          'rows-differ',
          `${name} has ${read.rows} rows in the restored database, ${table.rows} in the backup`,
          inBoth,
        ),
      )
    else if (inOrder && read.sha256 !== table.sha256)
      findings.push(
        critical(
          'content-differs',
          `the rows of ${name} are not those of the backup: as many, but their SHA-256 differs`,
          inBoth,
        ),
      )
  }
  // A table whose rows the backup leaves out is empty after the restore, and dumped as such.
  for (const table of found) {
    if (wantedNames.has(nameOf(table)) || table.rows === 0) continue
    findings.push(
      critical(
        'table-unlisted',
        `${nameOf(table)} has ${table.rows} rows in the restored database, the backup has none of it`,
        madeElsewhere,
      ),
    )
  }
  return { findings, compared: { tables: tables.length, rows, countedOnly } }
}

/** Tables that this restore created and filled by one COPY: their rows lie, and are dumped, in the backup's order. */
function loadedInOrder(entries: readonly ArchiveEntry[]): Set<string> {
  const created = new Set(
    entries.filter(entry => entry.description === 'TABLE').map(entry => `${entry.namespace}.${entry.tag}`),
  )
  const names = entries
    .filter(entry => entry.description === 'TABLE DATA' && loadsItself(entry))
    .map(entry => `${entry.namespace}.${entry.tag}`)
  return new Set(names.filter(name => created.has(name)))
}

async function compareDefinitions(work: ProofWork, toc: TableOfContents) {
  const speaks = (entry: ArchiveEntry) => work.keepsOwners || !/^(DEFAULT )?ACL$/.test(entry.description)
  const expected = work.selection.kept.filter(speaks)
  const found = toc.entries.filter(speaks)
  const all = compareContents(expected, found, { definitions: work.sameVersions })
  const differences = await withoutRewritten(work, all, found)
  const findings: Finding[] = differences.map(describeDifference)
  if (!work.keepsOwners)
    findings.push(
      info('grants-not-compared', 'grants were not compared: the scratch server does not have the roles of the source'),
    )
  if (!work.sameVersions)
    findings.push(
      info(
        'definitions-by-name',
        'definitions were compared by name only: server or pg_dump are not of the version that made the backup',
      ),
    )
  return { findings, compared: expected.filter(isComparable).length }
}

/**
 * Some definitions are written otherwise once they have been through a server (`IN` over a varchar becomes another
 * `ANY`). What differs is therefore held against what the backup's own definition becomes on this server.
 */
async function withoutRewritten(
  work: ProofWork,
  differences: readonly ContentsDifference[],
  found: readonly ArchiveEntry[],
): Promise<ContentsDifference[]> {
  const changed = differences.filter(one => one.kind === 'changed' && one.description !== 'SEQUENCE SET')
  if (changed.length === 0) return [...differences]
  const reference = await work.reference()
  const still = new Set(compareContents(reference, found, { definitions: true }).map(one => `${one.kind} ${one.entry}`))
  const known = new Set(reference.map(describeEntry))
  return differences.filter(one => !changed.includes(one) || !known.has(one.entry) || still.has(`changed ${one.entry}`))
}

function describeDifference(difference: ContentsDifference): Finding {
  const { kind, description, entry } = difference
  if (description === 'SEQUENCE SET') {
    const name = entry.slice('SEQUENCE SET '.length)
    return critical('sequence-differs', `the sequence ${name} does not have the value of the backup`, inBoth)
  }
  if (kind === 'missing')
    return critical('entry-missing', `${entry} is in the backup and not in the restored database`, inBoth)
  if (kind === 'added')
    return critical('entry-added', `${entry} is in the restored database and not in the backup`, madeElsewhere)
  return critical(
    'definition-differs',
    `${entry} is defined otherwise in the restored database than in the backup`,
    inBoth,
  )
}

function compareLargeObjects(work: ProofWork, scan: Scan): Finding[] {
  const wanted = work.manifest.largeObjects
  const found = scan.summary.largeObjects
  if (wanted === null || found === null) return []
  if (wanted.count !== found.count || wanted.bytes !== found.bytes)
    return [
      critical(
        'large-objects-differ',
        `the restored database has ${found.count} large objects of ${found.bytes} bytes, the backup ${wanted.count} of ${wanted.bytes}`,
        inBoth,
      ),
    ]
  if (wanted.sha256 === found.sha256) return []
  // pg_dump 17 and newer orders them by owner and grants first, so without these the order says nothing.
  const groups = work.toc.entries.filter(entry => entry.description === 'BLOBS').length
  if (!work.keepsOwners && groups > 1)
    return [
      info(
        'large-objects-counted',
        'large objects were compared by number and size only: their owners are not those of the source',
      ),
    ]
  return [
    critical('large-objects-differ', 'the large objects are not those of the backup: their SHA-256 differs', inBoth),
  ]
}

function info(code: string, message: string): Finding {
  return { severity: 'info', code, message, hint: null }
}

function nameOf(table: { readonly schema: string; readonly name: string }): string {
  return `${table.schema}.${table.name}`
}
