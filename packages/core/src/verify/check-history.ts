import type { ListedBackup } from '../api/backups.js'
import type { Finding } from '../api/verification.js'
import { listBackups } from '../repository/list-backups.js'
import { isExport, type LocatedBackup, storedDatabaseBytes } from '../repository/locate-artifact.js'
import { judgeRows } from './check-rows.js'
import { critical, tooOld } from './finding.js'

/** How many earlier backups a size is compared with, and how many there must be. */
const recent = 10
const fewest = 3

/**
 * What a backup's neighbours in its store say about it: whether the newest is younger than the RPO, whether rows were
 * lost since the one before it, and whether a size is far from the median of those before it.
 */
export async function historyFindings(
  backup: LocatedBackup,
  expected: {
    readonly rpoMs: number | undefined
    readonly now: Date
    readonly criticalTables: readonly string[]
  },
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const { product, id } = backup.manifest
  const listed = await listBackups(backup.store, { product, destination: backup.destination }, signal)
  // A dump and an export have neither a schedule nor a size in common.
  const backups = listed.backups.filter(one => isExport(one.manifest) === isExport(backup.manifest))
  const at = backups.findIndex(one => one.id === id)
  // A copy outside the product's folder has no neighbours to compare with.
  if (at < 0) return []
  const before = backups[at + 1]
  return [
    ...judgeAge(backups[at]!, at === 0, expected),
    ...(before === undefined ? [] : judgeRows(backup.manifest, before.manifest, expected.criticalTables)),
    ...judgeSize(backups[at]!, backups.slice(at + 1, at + 1 + recent)),
  ]
}

function judgeAge(
  { product, id, manifest }: ListedBackup,
  isNewest: boolean,
  { rpoMs, now }: { readonly rpoMs: number | undefined; readonly now: Date },
): Finding[] {
  const ageMs = now.getTime() - Date.parse(manifest.createdAt)
  if (!isNewest || rpoMs === undefined || ageMs <= rpoMs) return []
  const message = `the newest backup, ${product}/${id}, is ${hours(ageMs)} old; the RPO is ${hours(rpoMs)}`
  return [critical(tooOld, message, 'make a backup now, and see why the schedule made none')]
}

function judgeSize(backup: ListedBackup, before: readonly ListedBackup[]): Finding[] {
  if (before.length < fewest) return []
  const sizes = before.map(one => storedDatabaseBytes(one.manifest)).sort((a, b) => a - b)
  const median = sizes[Math.floor(sizes.length / 2)]!
  const storedBytes = storedDatabaseBytes(backup.manifest)
  if (storedBytes >= median / 2 && storedBytes <= median * 2) return []
  return [
    {
      severity: 'warning',
      code: 'size-unusual',
      message: `the database in the backup has ${storedBytes} bytes, the ${before.length} before it ${median} in the median`,
      hint: 'see what changed in the source: `lifeboat show` lists rows by table',
    },
  ]
}

function hours(ms: number): string {
  return `${Math.round((ms / 3_600_000) * 10) / 10} h`
}
