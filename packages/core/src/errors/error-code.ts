/**
 * The closed list of codes that a {@link BackupError} carries.
 * `docs/errors.md` says for each what happened and what to do.
 */
export const errorCodes = [
  'config-invalid',
  'secret-missing',
  'tool-missing',
  'tool-too-old',
  'database-unreachable',
  'database-auth-failed',
  'database-refused',
  'pooler-in-between',
  'rows-hidden',
  'tables-missing',
  'dump-failed',
  'archive-truncated',
  'archive-invalid',
  'counts-differ',
  'files-missing',
  'files-unreadable',
  'roles-failed',
  'store-unreachable',
  'store-auth-failed',
  'store-not-found',
  'store-refused',
  'store-full',
  'object-missing',
  'object-exists',
  'object-changed',
  'object-damaged',
  'object-archived',
  'manifest-invalid',
  'seal-wrong',
  'seal-missing',
  'backup-missing',
  'encryption-failed',
  'wrong-key',
  'key-missing',
  'codec-unavailable',
  'locked',
  'target-not-empty',
  'target-is-source',
  'target-unfit',
  'selection-invalid',
  'restore-failed',
  'disk-full',
  'destinations-failed',
  'provider-unreachable',
  'provider-rate-limited',
  'provider-auth-failed',
  'provider-forbidden',
  'provider-plan',
  'provider-not-found',
  'provider-conflict',
  'provider-refused',
  'provider-answer-invalid',
  'provider-lacks',
  'outside-window',
  'recovery-failed',
  'recovery-uncertain',
  'hook-failed',
  'cancelled',
  'timed-out',
  'unexpected',
] as const

/** A code from the closed list. */
export type ErrorCode = (typeof errorCodes)[number]

const retryableCodes: ReadonlySet<ErrorCode> = new Set([
  'store-unreachable',
  'database-unreachable',
  'provider-unreachable',
  'provider-rate-limited',
  'timed-out',
])

/** Whether trying the same call again can help. */
export function retryable(code: ErrorCode): boolean {
  return retryableCodes.has(code)
}
