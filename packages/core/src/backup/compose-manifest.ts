import type { Scan } from '../archive/scan-stage.js'
import type { CodecName } from '../codec/codec.js'
import type { Lock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import type { SourceProbe } from '../postgres/probe-source.js'
import type { CountableTable, CriticalTables } from '../postgres/snapshot-counts.js'
import { type Artifact, type Manifest, manifestFormat, type TableRecord } from '../repository/manifest.js'
import { toolName, toolVersion } from '../tool-version.js'
import { encryptionRecord } from './own-keys.js'
import type { StoredArtifact } from './store-everywhere.js'

export type CountedTable = CountableTable & { readonly rows: number }

/** What a finished export left behind, for its manifest. */
export interface FinishedExport {
  readonly product: string
  readonly id: string
  readonly startedAt: Date
  readonly finishedAt: Date
  readonly reason: string
  readonly labels: Readonly<Record<string, string>>
  readonly probe: SourceProbe
  readonly pgDumpVersion: string
  /** Rows the server counted in the dump's snapshot, and why not where it was not asked. */
  readonly counted: { readonly tables: readonly CountedTable[]; readonly why: string | null }
  readonly critical: CriticalTables
  readonly key: string
  readonly codec: CodecName
  readonly lock: Lock
  readonly stored: StoredArtifact
  /** What is stored besides the database. */
  readonly others: readonly Artifact[]
  /** The names of all destinations, in configured order. */
  readonly destinations: readonly string[]
}

/** @throws BackupError `counts-differ` when the archive does not hold what the server counted */
export function composeManifest(done: FinishedExport): Manifest {
  const { probe, stored, counted, lock } = done
  const { summary } = stored.scan
  return {
    format: manifestFormat,
    id: done.id,
    product: done.product,
    createdAt: done.startedAt.toISOString(),
    finishedAt: done.finishedAt.toISOString(),
    reason: done.reason,
    labels: { ...done.labels },
    tool: { name: toolName, version: toolVersion },
    source: {
      serverVersion: probe.serverVersion,
      database: probe.database,
      databaseBytes: probe.databaseBytes,
      encoding: probe.encoding,
      extensions: [...probe.extensions],
      pgDumpVersion: done.pgDumpVersion,
      snapshotCounts: { taken: counted.why === null, why: counted.why },
    },
    artifacts: [
      {
        name: 'database',
        key: done.key,
        kind: 'database',
        storedBytes: stored.storedBytes,
        storedSha256: stored.storedSha256,
        plainBytes: stored.scan.bytes,
        ...(summary.frameSha256 === null
          ? { plainSha256: stored.scan.sha256 ?? undefined }
          : { frameSha256: summary.frameSha256 }),
        codec: done.codec,
        encryption: encryptionRecord(lock),
      },
      ...done.others,
    ],
    tables: recordTables(stored.scan, counted.tables),
    contents: summary.toc && countByKind(summary.toc.entries),
    ...(done.critical.partitions.length === 0
      ? {}
      : { partitions: done.critical.partitions.map(one => ({ ...one, leaves: [...one.leaves] })) }),
    largeObjects: summary.largeObjects,
    destinations: done.destinations.map(name => {
      const failure = stored.failures.get(name)
      return failure ? { name, outcome: 'failed' as const, code: failure.code } : { name, outcome: 'stored' as const }
    }),
    seal: null,
  }
}

/** Tables that the server counted and the archive has no rows of: their data is excluded from the dump. */
export function countedButAbsent(scan: Scan, counts: readonly CountedTable[]): string[] {
  const { tables } = scan.summary
  if (tables === null) return []
  const dumped = new Set(tables.map(one => `${one.schema}\0${one.name}`))
  return counts.filter(one => !dumped.has(`${one.schema}\0${one.name}`)).map(one => `${one.schema}.${one.name}`)
}

/** The tables of an archive with what the server counted. @throws BackupError `counts-differ` */
function recordTables(scan: Scan, counts: readonly CountedTable[]): TableRecord[] | null {
  if (scan.summary.tables === null) return null
  const counted = new Map(counts.map(one => [`${one.schema}\0${one.name}`, one.rows]))
  return scan.summary.tables.map(table => {
    const snapshotRows = counted.get(`${table.schema}\0${table.name}`)
    if (snapshotRows !== undefined && snapshotRows !== table.rows) {
      throw new BackupError(
        'counts-differ',
        `the dump holds ${table.rows} rows of ${table.schema}.${table.name}, the server counted ${snapshotRows} in the same snapshot`,
        { hint: 'the dump is not whole and was not kept; run the backup again' },
      )
    }
    return snapshotRows === undefined ? table : { ...table, snapshotRows }
  })
}

function countByKind(entries: readonly { readonly description: string }[]): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const { description } of entries) kinds[description] = (kinds[description] ?? 0) + 1
  return kinds
}
