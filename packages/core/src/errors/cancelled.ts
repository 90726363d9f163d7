import { BackupError, isBackupError } from './backup-error.js'

/** Throws the reason of an aborted signal as a `cancelled` (or `timed-out`) error; does nothing while the signal is live. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancellation(signal)
}

/** The error that an aborted signal stands for. */
export function cancellation(signal: AbortSignal): BackupError {
  const reason: unknown = signal.reason
  if (isBackupError(reason)) return reason
  if (reason instanceof DOMException && reason.name === 'TimeoutError') {
    return new BackupError('timed-out', 'the operation ran out of time', { cause: reason })
  }
  return new BackupError('cancelled', 'cancelled', { cause: reason })
}
