import type { Finding } from '../api/verification.js'

/** A finding that makes a verification fail. */
export function critical(code: string, message: string, hint: string | null): Finding {
  return { severity: 'critical', code, message, hint }
}

/** The code of a finding that speaks of the schedule, not of the backup. */
export const tooOld = 'backup-too-old'
export const rtoExceeded = 'rto-exceeded'
export const rowsFarFromLive = 'rows-out-of-tolerance'
export const liveQueryFailed = 'live-query-unexpected'
export const liveObjectMissing = 'live-object-missing'
export const liveUnreachable = 'live-unreachable'
/** These three are no more than warnings: definitions change between a backup and a look. */
export const liveDefinitionMissing = 'live-definition-missing'
export const liveDefinitionAdded = 'live-definition-added'
export const liveDefinitionsUnread = 'live-definitions-unread'

/** What a check may find that says nothing against the backup itself: its age, the objectives, the live database. */
const aboutOthers = new Set([tooOld, rtoExceeded, rowsFarFromLive, liveQueryFailed, liveObjectMissing, liveUnreachable])

/** Whether nothing stands against the backup itself: what retention asks. */
export function isSound(findings: readonly Finding[]): boolean {
  return findings.every(finding => finding.severity !== 'critical' || aboutOthers.has(finding.code))
}
