import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { ErrorCode } from '../errors/error-code.js'
import type { BackupProvider } from './backup-provider.js'

/** Codes with which a provider says that it did not begin what it was asked for. */
export const refusedCodes: ReadonlySet<ErrorCode> = new Set([
  'config-invalid',
  'secret-missing',
  'provider-auth-failed',
  'provider-forbidden',
  'provider-plan',
  'provider-not-found',
  'provider-conflict',
  'provider-refused',
  'provider-rate-limited',
  'backup-missing',
  'outside-window',
])

/** Wraps a raw error of a provider once, at the boundary: its code, the operation, the place, the cause. */
export function wrapProviderError(
  error: unknown,
  context: { readonly provider: BackupProvider; readonly doing: string; readonly signal?: AbortSignal | undefined },
): BackupError {
  if (isBackupError(error)) return error
  if (context.signal?.aborted) return cancellation(context.signal)
  const { provider, doing } = context
  const code = provider.classify(error) ?? 'unexpected'
  const said = error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error)
  return new BackupError(code, `could not ${doing} (${provider.name}, ${provider.location}): ${said || code}`, {
    cause: error,
  })
}
