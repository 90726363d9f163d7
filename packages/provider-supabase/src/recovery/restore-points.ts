import { BackupError, type RestorePoint, type RestorePoints } from '@lifeboat/core'
import { poll } from '@lifeboat/core/http'
import type { RestorePointAnswer } from '../api/answers.js'
import { parseTime } from '../backups/describe-backup.js'
import type { InPlace } from './in-place.js'

/** Before the name of a restore point, it makes an id of a backup. */
export const restorePointPrefix = 'restore-point:'

/** Restore points are no part of the provider's list: the API shows one at a time. */
export function restorePoints({ api, settings, deps }: InPlace): RestorePoints {
  const find = async (name: string | undefined, signal: AbortSignal | undefined) => {
    signal?.throwIfAborted()
    try {
      const found = describe(await api.restorePoint(name, signal))
      // What is answered for a name that is not there is not documented: nobody goes back to another one.
      return name === undefined || found.name === name ? found : undefined
    } catch (error) {
      if (error instanceof BackupError && error.code === 'provider-not-found') return undefined
      throw error
    }
  }
  return {
    find: (name, { signal } = {}) => find(name, signal),
    async create(name, { signal, timeoutMs } = {}) {
      if (!/^[\w.:-]{1,20}$/.test(name))
        throw new BackupError(
          'config-invalid',
          'the name of a restore point has 1 to 20 letters, digits, dots, dashes or colons',
        )
      signal?.throwIfAborted()
      await api.createRestorePoint({ name }, signal)
      return poll(
        async () => {
          const point = await find(name, signal)
          if (point?.status === 'FAILED' || point?.status === 'REMOVED')
            throw new BackupError(
              'provider-refused',
              `Supabase could not make the restore point ${name}: ${point.status}`,
            )
          return point?.status === 'AVAILABLE' ? point : undefined
        },
        {
          what: `the restore point ${name} to be available`,
          everyMs: settings.pollEveryMs,
          timeoutMs: timeoutMs ?? 30 * 60_000,
          signal,
          deps,
        },
      )
    },
  }
}

function describe({ name, status, completed_on }: RestorePointAnswer): RestorePoint {
  const completedAt = completed_on ? parseTime(completed_on) : null
  return { name, status, available: status === 'AVAILABLE', completedAt, backup: `${restorePointPrefix}${name}` }
}
