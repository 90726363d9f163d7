import type { Finding } from '../api/verification.js'
import type { Check } from '../repository/record-schema.js'

/** A check and what it found. */
export interface Checked extends Check {
  readonly findings: readonly Finding[]
}

/** Makes a check of what it found: failed when anything is critical. */
export function checked(name: string, findings: readonly Finding[], detail: string | null = null): Checked {
  return { name, ok: findings.every(finding => finding.severity !== 'critical'), detail, findings }
}

export function findingsOf(checks: readonly Checked[]): Finding[] {
  return checks.flatMap(check => check.findings)
}
