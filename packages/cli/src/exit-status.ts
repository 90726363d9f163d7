import { type ErrorCode, isBackupError } from '@lifeboat/core'
import { UsageError } from './usage-error.js'

/** What each exit status means; the same for every command. */
export const exitStatus = {
  done: 0,
  failed: 1,
  usage: 2,
  partial: 3,
  damaged: 4,
  missing: 10,
  locked: 11,
  wrongKey: 12,
  archived: 13,
  cancelled: 130,
} as const

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus]

/** The statuses as the help shows them. */
export const exitStatusMeanings: readonly (readonly [ExitStatus, string])[] = [
  [exitStatus.done, 'done'],
  [exitStatus.failed, 'failed'],
  [exitStatus.usage, 'wrong usage or configuration'],
  [exitStatus.partial, 'partly done'],
  [exitStatus.damaged, 'damage found, or a check failed'],
  [exitStatus.missing, 'no such backup'],
  [exitStatus.locked, 'locked by another run'],
  [exitStatus.wrongKey, 'wrong or missing key'],
  [exitStatus.archived, 'in an archive: retrieve it, or come back later'],
  [exitStatus.cancelled, 'cancelled'],
]

const statuses: Readonly<Record<ErrorCode, ExitStatus>> = {
  'config-invalid': exitStatus.usage,
  'secret-missing': exitStatus.usage,
  'tool-missing': exitStatus.failed,
  'tool-too-old': exitStatus.failed,
  'database-unreachable': exitStatus.failed,
  'database-auth-failed': exitStatus.failed,
  'database-refused': exitStatus.failed,
  'pooler-in-between': exitStatus.failed,
  'rows-hidden': exitStatus.failed,
  'tables-missing': exitStatus.failed,
  'dump-failed': exitStatus.failed,
  'archive-truncated': exitStatus.damaged,
  'archive-invalid': exitStatus.damaged,
  'counts-differ': exitStatus.damaged,
  'files-missing': exitStatus.failed,
  'files-unreadable': exitStatus.failed,
  'roles-failed': exitStatus.failed,
  'store-unreachable': exitStatus.failed,
  'store-auth-failed': exitStatus.failed,
  'store-not-found': exitStatus.failed,
  'store-refused': exitStatus.failed,
  'store-full': exitStatus.failed,
  'object-missing': exitStatus.damaged,
  'object-exists': exitStatus.failed,
  'object-changed': exitStatus.failed,
  'object-damaged': exitStatus.damaged,
  'object-archived': exitStatus.archived,
  'manifest-invalid': exitStatus.damaged,
  'seal-wrong': exitStatus.damaged,
  'seal-missing': exitStatus.damaged,
  'backup-missing': exitStatus.missing,
  'encryption-failed': exitStatus.failed,
  'wrong-key': exitStatus.wrongKey,
  'key-missing': exitStatus.wrongKey,
  'codec-unavailable': exitStatus.failed,
  locked: exitStatus.locked,
  'target-not-empty': exitStatus.failed,
  'target-is-source': exitStatus.failed,
  'target-unfit': exitStatus.failed,
  'selection-invalid': exitStatus.usage,
  'restore-failed': exitStatus.failed,
  'disk-full': exitStatus.failed,
  'destinations-failed': exitStatus.failed,
  'provider-unreachable': exitStatus.failed,
  'provider-rate-limited': exitStatus.failed,
  'provider-auth-failed': exitStatus.failed,
  'provider-forbidden': exitStatus.failed,
  'provider-plan': exitStatus.failed,
  'provider-not-found': exitStatus.failed,
  'provider-conflict': exitStatus.failed,
  'provider-refused': exitStatus.failed,
  'provider-answer-invalid': exitStatus.failed,
  'provider-lacks': exitStatus.failed,
  'outside-window': exitStatus.failed,
  'recovery-failed': exitStatus.failed,
  'recovery-uncertain': exitStatus.failed,
  'hook-failed': exitStatus.failed,
  cancelled: exitStatus.cancelled,
  'timed-out': exitStatus.failed,
  unexpected: exitStatus.failed,
}

/** The exit status that an error ends the command with. */
export function exitStatusOf(error: unknown): ExitStatus {
  if (error instanceof UsageError) return exitStatus.usage
  if (isBackupError(error)) return statuses[error.code] ?? exitStatus.failed
  return exitStatus.failed
}

/** The same for a code alone, as a document carries it. */
export function exitStatusOfCode(code: string): ExitStatus {
  return Object.hasOwn(statuses, code) ? statuses[code as ErrorCode] : exitStatus.failed
}

const worstFirst: readonly ExitStatus[] = [
  exitStatus.cancelled,
  exitStatus.damaged,
  exitStatus.wrongKey,
  exitStatus.locked,
  exitStatus.archived,
  exitStatus.missing,
  exitStatus.usage,
  exitStatus.failed,
  exitStatus.partial,
]

/** The one status that stands for several outcomes. */
export function worstStatus(outcomes: readonly ExitStatus[]): ExitStatus {
  return worstFirst.find(status => outcomes.includes(status)) ?? exitStatus.done
}

/** The status of work on several things: partly done when some of it was, else the worst. */
export function combinedStatus(outcomes: readonly ExitStatus[]): ExitStatus {
  const worst = worstStatus(outcomes)
  if (worst === exitStatus.cancelled || worst === exitStatus.done) return worst
  const someDone = outcomes.some(status => status === exitStatus.done || status === exitStatus.partial)
  return someDone ? exitStatus.partial : worst
}
