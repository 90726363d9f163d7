import type { SchemaDiff } from '../api/verification.js'
import type { ArchiveEntry } from '../archive/archive-header.js'
import type { ProductConfig } from '../config/config-schema.js'
import { compareContents, isComparable } from '../drill/compare-contents.js'
import { readDefinitions } from '../drill/schema-reference.js'
import { dumpSource } from '../dump/dump-source.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import { connect } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import { choosePgDump, type PgTools } from '../postgres/find-pg-tools.js'
import { type LocatedBackup, restorableArtifact } from '../repository/locate-artifact.js'
import { readContents } from '../restore/read-contents.js'

/** What is compared, and where it is. */
export interface DiffJob {
  readonly backup: LocatedBackup
  readonly unlock: Unlock
  readonly source: ConnectionTarget
  readonly config: ProductConfig['source']
  readonly findPgTools: () => Promise<PgTools[]>
}

/** The live database is in use: rather no answer than a queue behind us. */
const lockWaitMs = 30_000

/**
 * Compares what a backup's table of contents holds with the definitions of the live database, by name and by
 * definition. Rows, sequence values and owners are not looked at.
 * @throws BackupError `archive-invalid` where the archive's version is not known, `dump-failed`, and what opening the backup throws
 */
export async function diffBackup(job: DiffJob, signal: AbortSignal | undefined): Promise<SchemaDiff> {
  const { manifest, destination } = job.backup
  const { expected, found, definitions } = await readBoth(job, signal)
  return {
    ...{ product: manifest.product, id: manifest.id, destination },
    ...{ createdAt: manifest.createdAt, source: job.source.description, definitionsCompared: definitions },
    differences: compareContents(expected, found, { definitions }),
    entries: expected.filter(isComparable).length,
  }
}

/** The definitions of a backup and of the live database, as pg_dump lists both. */
export async function readBoth(
  job: DiffJob,
  signal: AbortSignal | undefined,
): Promise<{
  readonly expected: readonly ArchiveEntry[]
  readonly found: readonly ArchiveEntry[]
  /** Whether both are written by the same versions, so that more than names can be compared. */
  readonly definitions: boolean
}> {
  const { manifest } = job.backup
  const artifact = restorableArtifact(manifest)
  if (artifact === undefined)
    throw new BackupError('backup-missing', `${manifest.product}/${manifest.id} holds no database`)
  const toc = await readContents(job.backup, artifact, job.unlock, signal)
  if (toc === undefined)
    throw new BackupError('archive-invalid', 'the archive is of a version that this tool cannot read', {
      hint: 'update lifeboat',
    })
  const serverMajor = await readMajor(job.source, signal)
  const tools = chooseTools(await job.findPgTools(), serverMajor, manifest.source.pgDumpVersion)
  const dump = dumpSource(job.source, {
    ...{ tools, schemaOnly: true, lockWaitMs, signal, schemas: job.config.schemas },
  })
  const live = await readDefinitions(dump)
  return {
    expected: toc.entries.filter(isDefinition),
    found: live.filter(isDefinition),
    definitions:
      serverMajor === majorOf(manifest.source.serverVersion) && tools.major === majorOf(manifest.source.pgDumpVersion),
  }
}

/** What a dump of definitions holds: no values of sequences, no rows, nothing of large objects. */
function isDefinition(entry: ArchiveEntry): boolean {
  if (entry.section === 'data' || entry.description === 'MATERIALIZED VIEW DATA') return false
  return !entry.tag.startsWith('LARGE OBJECT')
}

function chooseTools(tools: readonly PgTools[], serverMajor: number, pgDumpVersion: string): PgTools {
  const twin = tools.find(one => one.major === majorOf(pgDumpVersion) && one.major >= serverMajor)
  return twin ?? choosePgDump(tools, serverMajor)
}

async function readMajor(source: ConnectionTarget, signal: AbortSignal | undefined): Promise<number> {
  const client = await connect(source, signal)
  try {
    const { rows } = await client.query<{ num: number }>(`select current_setting('server_version_num')::int as num`)
    return Math.floor(rows[0]!.num / 10_000)
  } finally {
    await client.end()
  }
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10)
}
