import { BackupError, type FollowOptions, type ProviderCallOptions } from '@lifeboat/core'
import { poll } from '@lifeboat/core/http'
import type { RestorePointAnswer } from '../api/answers.js'
import type { InPlace } from './in-place.js'

/** A named moment to which `restoring.plan('restore-point:NAME')` goes back. */
export interface RestorePoint {
  readonly name: string
  /** `PENDING`, `AVAILABLE`, `REMOVED`, `FAILED`, or a word that is not known. */
  readonly status: string
  readonly completedAt: string | null
}

export interface RestorePoints {
  /** The one of that name, or the newest; undefined where there is none. */
  find(name?: string, options?: ProviderCallOptions): Promise<RestorePoint | undefined>
  /** Resolves when it is `AVAILABLE`. The API takes names of at most 20 characters. */
  create(name: string, options?: FollowOptions): Promise<RestorePoint>
}

/** Restore points are no part of the provider's list: the API shows one at a time. */
export function restorePoints({ api, settings, deps }: InPlace): RestorePoints {
  const find = async (name: string | undefined, signal: AbortSignal | undefined) => {
    signal?.throwIfAborted()
    try {
      return describe(await api.restorePoint(name, signal))
    } catch (error) {
      if (error instanceof BackupError && error.code === 'provider-not-found') return undefined
      throw error
    }
  }
  return {
    find: (name, { signal } = {}) => find(name, signal),
    async create(name, { signal, timeoutMs } = {}) {
      if (name.length < 1 || name.length > 20)
        throw new BackupError('config-invalid', 'the name of a restore point has 1 to 20 characters')
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
  return { name, status, completedAt: completed_on ?? null }
}
