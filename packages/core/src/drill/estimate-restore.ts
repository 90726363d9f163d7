import type { DrillRecord, ProofRecord } from '../repository/record-schema.js'

/** How long a restore would take, from drills that were held. */
export interface RestoreEstimate {
  readonly restoreMs: number
  /** Half the width of what the drills make likely: the largest deviation among them; `null` from one drill alone. */
  readonly errorMs: number | null
  /** How many drills it is made from. */
  readonly drills: number
  /** The size that it speaks of. */
  readonly databaseBytes: number
}

/** Older ones were held on other machines and other data. */
const recent = 10

/** The drills among records, in the same order. */
export function drillsOf(records: readonly ProofRecord[]): DrillRecord[] {
  return records.filter(record => record.kind === 'drill')
}

/**
 * Estimates a restore at a size from the drills of the past: the median of what a byte took, times the size. A part
 * that does not grow with the size is taken as if it did, so a database that grew is estimated too long rather than too short.
 * @returns undefined without a drill whose data could be used
 */
export function estimateRestore(records: readonly ProofRecord[], databaseBytes: number): RestoreEstimate | undefined {
  const held = drillsOf(records)
    .filter(drill => drill.proof !== null && drill.databaseBytes > 0)
    .slice(-recent)
  if (held.length === 0) return undefined
  const rates = held.map(drill => drill.objectives.recoveryMs / drill.databaseBytes).sort((a, b) => a - b)
  const middle = rates.length >> 1
  const median = rates.length % 2 === 1 ? rates[middle]! : (rates[middle - 1]! + rates[middle]!) / 2
  const deviation = Math.max(...rates.map(rate => Math.abs(rate - median)))
  return {
    restoreMs: median * databaseBytes,
    errorMs: rates.length === 1 ? null : deviation * databaseBytes,
    drills: rates.length,
    databaseBytes,
  }
}
