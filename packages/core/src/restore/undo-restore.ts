import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import { diskError, temporaryPlace } from '../errors/disk-error.js'
import { databaseError } from '../postgres/connection.js'
import type { RestoreWork } from './restore-work.js'
import { undoProfileStatements } from './run-profile-statements.js'
import { dropDatabase } from './target-database.js'

/** How far a restore came. */
export interface RestoreProgress {
  /** The database was made for it. */
  readonly created: boolean
  /** The target is not what it was. */
  readonly touched: boolean
}

/** Takes back what a restore that failed has made, as far as it may, and says in its error what became of the target. */
export async function undoRestore(work: RestoreWork, reached: RestoreProgress, error: unknown): Promise<unknown> {
  const { options, prepared, copy } = work
  const { target } = prepared
  const { created, touched } = reached
  if (!created) await putBack(work, reached)
  if (created && !options.keepFailed) {
    const dropped = await dropDatabase(target).then(
      () => true,
      // The failure that led here is the one to report; that the database stays is said with it.
      () => false,
    )
    return asRestoreError(
      work,
      error,
      dropped
        ? '; the new database was dropped again'
        : `; ${target.description} is incomplete and could not be dropped`,
    )
  }
  if (copy && touched) {
    const gone = !options.keepFailed && (await copy.remove())
    return asRestoreError(
      work,
      error,
      gone ? '; the new schema was dropped again' : `; what is in the schema ${copy.schema} is incomplete`,
    )
  }
  return asRestoreError(work, error, touched || created ? `; ${target.description} is incomplete` : '')
}

/** What the profile had set aside; said where it did not work. */
export async function putBack({ prepared, emit }: RestoreWork, { touched }: Pick<RestoreProgress, 'touched'>) {
  const { target, preparation } = prepared
  if (!touched || (await undoProfileStatements(target, preparation))) return
  const why = preparation.filter(one => one.undo !== undefined).map(one => one.undo)
  emit({ type: 'warning.raised', message: `not put back on the target: ${why.join('; ')}` })
}

function asRestoreError({ options, prepared, folder }: RestoreWork, error: unknown, fate: string): unknown {
  const { signal } = options
  const wrapped = signal?.aborted
    ? cancellation(signal)
    : isBackupError(error)
      ? error
      : (diskError(error, temporaryPlace(folder)) ?? databaseError(error, prepared.target, signal))
  return new BackupError(wrapped.code, `${wrapped.message}${fate}`, { hint: wrapped.hint, cause: wrapped })
}
