import type { Finding } from '../api/verification.js'
import type { DrillRecord } from '../repository/record-schema.js'
import { critical, rtoExceeded, tooOld } from '../verify/finding.js'

/** Holds what a drill measured against what the product promises. */
export function judgeObjectives(
  measured: { readonly ageMs: number; readonly recoveryMs: number; readonly totalMs: number },
  objectives: { readonly rpoMs: number | undefined; readonly rtoMs: number | undefined },
): { readonly objectives: DrillRecord['objectives']; readonly findings: readonly Finding[] } {
  const { rpoMs, rtoMs } = objectives
  const rpoMet = rpoMs === undefined ? null : measured.ageMs <= rpoMs
  const rtoMet = rtoMs === undefined ? null : measured.totalMs <= rtoMs
  const findings: Finding[] = []
  if (rpoMet === false)
    findings.push(
      critical(
        tooOld,
        `the data were ${spoken(measured.ageMs)} old when the drill began; the RPO is ${spoken(rpoMs!)}`,
        'make a backup now, and see why the schedule made none',
      ),
    )
  if (rtoMet === false)
    findings.push(
      critical(
        rtoExceeded,
        `the drill took ${spoken(measured.totalMs)}; the RTO is ${spoken(rtoMs!)}`,
        'see which step took long; more jobs, a nearer destination or another objective',
      ),
    )
  return {
    objectives: { ...measured, rpoMs: rpoMs ?? null, rpoMet, rtoMs: rtoMs ?? null, rtoMet },
    findings,
  }
}

/** `12 s`, `3.4 min`, `26 h` */
export function spoken(ms: number): string {
  const round = (value: number) => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value))
  if (ms < 60_000) return `${round(ms / 1000)} s`
  if (ms < 3_600_000) return `${round(ms / 60_000)} min`
  return `${round(ms / 3_600_000)} h`
}
