import { stat } from 'node:fs/promises'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import type { EventListener } from '../events/backup-event.js'
import type { ObjectStore } from '../store/object-store.js'
import type { Snapshot } from './snapshot.js'

/**
 * A folder that is not there lists nothing, as a store should before it is first written to. As a source that would be a
 * snapshot of nothing, and, as nights go by, retention would remove those that hold something.
 * @throws BackupError `files-missing`
 */
export async function assertSourceThere({ name, location }: ObjectStore): Promise<void> {
  if (name !== 'directory') return
  const found = await stat(location).catch(() => undefined)
  if (found?.isDirectory()) return
  throw new BackupError('files-missing', `the folder ${location} of the objects is not there`, {
    hint: 'is it mounted? Else correct `from` of the set; a relative folder starts where the program was started',
  })
}

/**
 * A source that lists nothing where it had objects is a disk that is not mounted, a wrong prefix or a key that sees nothing
 * more often than a bucket that somebody emptied.
 * @throws BackupError `files-missing`
 */
export function assertNotEmptied(
  {
    product,
    set,
    source,
    prefix,
    emit,
  }: {
    readonly product: string
    readonly set: string
    readonly source: ObjectStore
    readonly prefix: string
    readonly emit: EventListener
  },
  objects: number,
  previous: Snapshot | undefined,
): void {
  if (objects > 0) return
  const what = `${source.location} lists no object${prefix === '' ? '' : ` below ${prefix}`}`
  if (previous === undefined || previous.objects === 0) {
    emit({ type: 'warning.raised', message: what })
    return
  }
  throw new BackupError(
    'files-missing',
    `${what}, and the snapshot before has ${previous.objects}: nothing was copied`,
    {
      hint: `is it mounted, and are \`from\` and \`prefix\` right? Every run fails so until it lists something; where it was emptied on purpose, run once: \`${fullCopy({ product, set })}\``,
    },
  )
}

/** The command that copies a set without building on the snapshot before. */
export function fullCopy({ product, set }: { readonly product: string; readonly set: string }): string {
  return `lifeboat objects backup ${product} ${set} --full`
}

/** What stands against the snapshot before, where a copy builds on it; any other error as it is. */
export function notBuiltOn(error: unknown, job: { readonly product: string; readonly set: string }): unknown {
  const codes = ['object-missing', 'object-damaged', 'object-archived'] as const
  if (!isBackupError(error) || !codes.some(code => error.code === code)) return error
  return new BackupError(error.code, `the snapshot before cannot be built on: ${error.message}`, {
    cause: error,
    hint: `copy everything anew: \`${fullCopy(job)}\``,
  })
}
