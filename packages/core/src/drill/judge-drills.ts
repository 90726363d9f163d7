import type { Finding } from '../api/verification.js'
import type { ProofRecord } from '../repository/record-schema.js'
import { critical, rtoExceeded } from '../verify/finding.js'
import { drillsOf, estimateRestore, type RestoreEstimate } from './estimate-restore.js'
import { spoken } from './judge-objectives.js'

export interface DrillExpectations {
  /** How often a drill should run, in ms; undefined: nobody said. */
  readonly intervalMs: number | undefined
  readonly rtoMs: number | undefined
  /** Today's size of the source, where it is known; the estimate is held against the RTO. */
  readonly databaseBytes: number | undefined
}

/** What a product's drills, and their absence, say on a day. */
export function judgeDrills(records: readonly ProofRecord[], now: Date, expected: DrillExpectations): Finding[] {
  const drills = [...drillsOf(records)].sort((a, b) => a.at.localeCompare(b.at))
  const newest = drills.at(-1)
  const hint = '`lifeboat drill` rehearses a restore'
  if (newest === undefined) {
    const message = 'a restore was never rehearsed'
    if (expected.intervalMs === undefined) return [{ severity: 'warning', code: 'drill-never-ran', message, hint }]
    return [critical('drill-never-ran', message, hint)]
  }
  const findings: Finding[] = []
  const ageMs = now.getTime() - Date.parse(newest.at)
  if (expected.intervalMs !== undefined && ageMs > expected.intervalMs) {
    const message = `the newest drill is ${spoken(ageMs)} old; one is due every ${spoken(expected.intervalMs)}`
    findings.push(critical('drill-overdue', message, hint))
  }
  if (!newest.ok) {
    const first = newest.findings.find(finding => finding.severity === 'critical')
    const message = `the newest drill, of ${newest.product}/${newest.id}, failed${first ? `: ${first.message}` : ''}`
    findings.push(critical('drill-failed', message, first?.hint ?? null))
  }
  const { rtoMs } = expected
  if (rtoMs !== undefined && newest.ok && newest.objectives.totalMs > rtoMs) {
    const message = `the newest drill took ${spoken(newest.objectives.totalMs)}; the RTO is ${spoken(rtoMs)}`
    findings.push(critical(rtoExceeded, message, 'see which step took long: `lifeboat history`'))
  } else if (rtoMs !== undefined && expected.databaseBytes !== undefined) {
    const estimate = estimateRestore(drills, expected.databaseBytes)
    if (estimate && estimate.restoreMs > rtoMs)
      findings.push({
        severity: 'warning',
        code: 'rto-at-risk',
        message: `at today's size a restore would take about ${spokenEstimate(estimate)}; the RTO is ${spoken(rtoMs)}`,
        hint: 'drill again to be sure; more jobs, a nearer destination or another objective',
      })
  }
  return findings
}

/** `21 min ± 2 min, by 4 drills` */
export function spokenEstimate({ restoreMs, errorMs, drills }: RestoreEstimate): string {
  const error = errorMs === null ? '' : ` ± ${spoken(errorMs)}`
  return `${spoken(restoreMs)}${error}, by ${drills === 1 ? 'one drill' : `${drills} drills`}`
}
