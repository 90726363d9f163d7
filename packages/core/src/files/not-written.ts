import { BackupError } from '../errors/backup-error.js'

/** What the file system said against an entry. */
export function notWritten(name: Buffer, why: string, cause?: unknown): BackupError {
  return new BackupError('restore-failed', `cannot write ${JSON.stringify(name.toString())}: ${why}`, {
    cause,
    hint: 'see to the folder, or restore into a new one',
  })
}
