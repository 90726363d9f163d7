import type { ListedBackup, Unreadable } from '../api/backups.js'
import type { ObjectSetStatus, StatusFinding } from '../api/status.js'
import type { ProductConfig, ResolvedConfig } from '../config/config-schema.js'
import { estimateRestore } from '../drill/estimate-restore.js'
import { elapsedMs } from '../elapsed-ms.js'
import { isExport } from '../repository/locate-artifact.js'
import type { DrillRecord, ProofRecord } from '../repository/record-schema.js'
import { speaksOf } from '../repository/verification-record.js'
import { toolName, toolVersion } from '../tool-version.js'
import { composeFindings } from './compose-findings.js'
import { listNotIncluded } from './list-not-included.js'
import { spokenCount, spokenDuration } from './quantities.js'
import {
  type DestinationState,
  type ObjectiveState,
  type ProductReport,
  type ReportedDrill,
  type ReportModel,
  reportedMs,
  type TrendPoint,
  type Verdict,
} from './report-model.js'

/** What a status says of the sets of objects of a product. */
export interface ReportedSets {
  readonly product: string
  readonly sets: readonly ObjectSetStatus[]
  readonly findings: readonly StatusFinding[]
}

/** What the destinations of products answered. */
export interface StoredBackups {
  readonly backups: readonly ListedBackup[]
  readonly unreadable: readonly Unreadable[]
  /** Destinations that did not answer, and why. */
  readonly unreachable: readonly { readonly product: string; readonly destination: string; readonly message: string }[]
  /** Records that were not written by a holder of the product's key, or were changed: they prove nothing. */
  readonly refused: readonly { readonly product: string; readonly destination: string; readonly records: number }[]
  /** Of the products that have some. */
  readonly objects?: readonly ReportedSets[] | undefined
}

/** Drills that are shown one by one; all of them count in the trend. */
const drillsShown = 3

/**
 * Draws together what is known of each product: pure, from the records of verifications and drills and from the
 * backups that the destinations hold.
 */
export function composeReport(
  records: readonly ProofRecord[],
  stored: StoredBackups,
  config: ResolvedConfig,
  now: Date,
): ReportModel {
  const since = new Date(now.getTime() - reportedMs).toISOString()
  const products = Object.entries(config.products).map(([name, product]) =>
    composeProduct(name, product, records, stored, { now, since }),
  )
  const verdict = worst(products.map(product => product.verdict))
  return { generatedAt: now.toISOString(), tool: `${toolName} ${toolVersion}`, since, verdict, products }
}

/** What the parts of one product are composed from. */
export interface ProductFacts {
  readonly name: string
  readonly config: ProductConfig
  /** Newest first, as the records. */
  readonly backups: readonly ListedBackup[]
  readonly records: readonly ProofRecord[]
  readonly drills: readonly DrillRecord[]
  readonly stored: StoredBackups
  readonly now: Date
}

function composeProduct(
  name: string,
  config: ProductConfig,
  all: readonly ProofRecord[],
  stored: StoredBackups,
  { now, since }: { readonly now: Date; readonly since: string },
): ProductReport {
  const backups = stored.backups
    .filter(backup => backup.product === name)
    .sort((a, b) => b.manifest.createdAt.localeCompare(a.manifest.createdAt))
  const records = all.filter(record => record.product === name).sort((a, b) => b.at.localeCompare(a.at))
  const drills = records.filter(record => record.kind === 'drill')
  const facts: ProductFacts = { name, config, backups, records, drills, stored, now }
  const trend = composeTrend(facts, since)
  const rpo = judgeRpo(facts, trend)
  const rto = judgeRto(facts)
  const destinations = Object.keys(config.destinations).map(one => composeDestination(one, facts))
  const findings = composeFindings(facts, { rpo, rto, destinations })
  const grave = findings.some(finding => finding.severity === 'critical')
  const verdict: Verdict = grave ? 'bad' : findings.some(one => one.severity === 'warning') ? 'attention' : 'good'
  return {
    ...{ name, verdict, rpo, rto, destinations, trend, findings },
    headline: findings.find(one => one.severity !== 'info')?.message ?? praise(facts, rpo),
    drillTrend: drills
      .filter(drill => drill.at >= since)
      .reverse()
      .map(({ finishedAt, objectives, ok }) => ({ at: finishedAt, totalMs: objectives.totalMs, ok })),
    drills: drills.slice(0, drillsShown).map(composeDrill),
    objects: stored.objects?.find(({ product }) => product === name)?.sets ?? [],
    notIncluded: listNotIncluded(facts),
  }
}

function praise({ records, drills, now }: ProductFacts, rpo: ObjectiveState): string {
  const ago = (iso: string) => `${spokenDuration(now.getTime() - Date.parse(iso))} ago`
  const read = records.find(record => record.ok && provesContent(record))
  const drill = drills.find(record => record.ok)
  const parts = [`backed up ${spokenDuration(rpo.measuredMs ?? 0)} ago`]
  if (read !== undefined) parts.push(`read back ${ago(read.at)}`)
  if (drill !== undefined)
    parts.push(`restored in a drill ${ago(drill.finishedAt)}, in ${spokenDuration(drill.objectives.totalMs)}`)
  return parts.join(', ')
}

/** The age of the newest backup is what would be lost now. */
function judgeRpo({ backups, config, now }: ProductFacts, trend: readonly TrendPoint[]): ProductReport['rpo'] {
  const newest = backups[0]
  const measuredMs = newest === undefined ? null : now.getTime() - Date.parse(newest.manifest.createdAt)
  const moments = [...trend.map(point => Date.parse(point.at)), now.getTime()]
  const gaps = moments.slice(1).map((moment, at) => moment - moments[at]!)
  const longestGapMs = trend.length === 0 ? null : Math.max(...gaps)
  return { ...judge(config.objectives.rpo, measuredMs), longestGapMs }
}

/** The newest drill that came to its end is what a recovery takes. */
function judgeRto({ drills, config, backups }: ProductFacts): ProductReport['rto'] {
  const newest = drills.find(drill => drill.ok)
  const databaseBytes = backups[0]?.manifest.source.databaseBytes
  return {
    ...judge(config.objectives.rto, newest?.objectives.totalMs ?? null),
    drilledAt: newest?.finishedAt ?? null,
    recoveryMs: newest?.objectives.recoveryMs ?? null,
    // It takes them oldest first.
    estimate: (databaseBytes !== undefined && estimateRestore(drills.toReversed(), databaseBytes)) || null,
  }
}

function judge(objective: number | undefined, measuredMs: number | null): ObjectiveState {
  const objectiveMs = objective ?? null
  if (objectiveMs === null) return { objectiveMs, measuredMs, state: 'none' }
  if (measuredMs === null) return { objectiveMs, measuredMs, state: 'unknown' }
  return { objectiveMs, measuredMs, state: measuredMs <= objectiveMs ? 'met' : 'missed' }
}

function composeDestination(name: string, { backups, records, now }: ProductFacts): DestinationState {
  const here = backups.filter(backup => backup.destination === name)
  const newest = here[0]
  const record = records.find(
    one => one.destination === name && newest !== undefined && provesContent(one) && isOf(one, newest),
  )
  return {
    ...{ name, location: newest?.location ?? null, backups: here.length },
    newest:
      newest === undefined
        ? null
        : {
            ...{ id: newest.id, createdAt: newest.manifest.createdAt, storedBytes: newest.storedBytes },
            ageMs: now.getTime() - Date.parse(newest.manifest.createdAt),
            tables: newest.manifest.tables?.length ?? null,
            rows: rowsOf(newest),
            sealed: newest.manifest.seal !== null,
          },
    proof: record === undefined ? null : { level: record.level, at: record.at, ok: record.ok },
  }
}

/** One point for each backup, in whichever destinations it is; records tell of backups that are gone. */
function composeTrend({ backups, records }: ProductFacts, since: string): TrendPoint[] {
  const points = new Map<string, TrendPoint>()
  const provenOf = (id: string) => records.find(one => one.id === id && provesContent(one))?.ok ?? null
  // A provider's export has another size than a dump: in one line they would zigzag.
  const dumps = backups.filter(({ manifest }) => !isExport(manifest))
  for (const backup of dumps.length > 0 ? dumps : backups) {
    const { id, manifest } = backup
    points.set(id, {
      ...{ id, at: manifest.createdAt, storedBytes: backup.storedBytes, rows: rowsOf(backup), proven: provenOf(id) },
      durationMs: elapsedMs(new Date(manifest.createdAt), new Date(manifest.finishedAt)),
    })
  }
  return [...points.values()].filter(point => point.at >= since).sort((a, b) => a.at.localeCompare(b.at))
}

function rowsOf({ manifest }: ListedBackup): number | null {
  return manifest.tables?.reduce((sum, table) => sum + table.rows, 0) ?? null
}

function composeDrill(drill: DrillRecord): ReportedDrill {
  const { totalMs, recoveryMs, rtoMs, rtoMet } = drill.objectives
  const { id, destination, startedAt, ok, steps } = drill
  return {
    ...{ id, destination, startedAt, ok, totalMs, recoveryMs, rtoMs, rtoMet, steps },
    proof: drill.proof && describeProof(drill.proof),
  }
}

function describeProof(proof: NonNullable<DrillRecord['proof']>): string {
  const { tables, rows, differences } = proof
  const how = proof.kind === 'content' ? 'row by row' : 'by their number of rows'
  const found = differences === 0 ? 'no difference' : `${spokenCount(differences)} differences`
  return `${spokenCount(tables)} tables with ${spokenCount(rows)} rows compared ${how}: ${found}`
}

/** Whether a record is of this backup, as it lies there now. */
function isOf(record: ProofRecord, backup: ListedBackup): boolean {
  return record.id === backup.id && speaksOf(record, backup.manifest)
}

/** Whether every row was read; a listing proves nothing of them. */
function provesContent({ level }: ProofRecord): boolean {
  return level === 'content' || level === 'restored'
}

function worst(verdicts: readonly Verdict[]): Verdict {
  return (['bad', 'attention'] as const).find(one => verdicts.includes(one)) ?? 'good'
}
