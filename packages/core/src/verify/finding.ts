import type { Finding } from '../lifeboat-api.js'

/** A finding that makes a verification fail. */
export function critical(code: string, message: string, hint: string | null): Finding {
  return { severity: 'critical', code, message, hint }
}

/** The code of the one finding that speaks of the schedule, not of the backup. */
export const tooOld = 'backup-too-old'

/** Whether nothing stands against the backup itself, however old it is: what retention asks. */
export function isSound(findings: readonly Finding[]): boolean {
  return findings.every(finding => finding.severity !== 'critical' || finding.code === tooOld)
}
