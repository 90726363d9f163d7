import {
  BackupError,
  type FollowRecoveryOptions,
  isBackupError,
  type ProviderOperation,
  type Recovered,
} from '@lifeboat/core'
import { poll } from '@lifeboat/core/http'
import { type InPlace, isNewTimeline } from './in-place.js'
import { readServerMarks } from './server-marks.js'

const healthTimeoutMs = 10 * 60_000
const failed: ReadonlySet<string> = new Set(['RESTORE_FAILED', 'INIT_FAILED', 'REMOVED'])

/**
 * Follows a recovery by the project's status, since there is no operation to ask: it leaves `ACTIVE_HEALTHY`, comes back,
 * and then its services are healthy.
 */
export async function followProject(
  place: InPlace,
  begun: ProviderOperation,
  options: FollowRecoveryOptions,
): Promise<Recovered> {
  const { api, settings, deps } = place
  const { signal } = options
  const { ref, pollEveryMs } = settings
  const begunAtMs = Date.parse(begun.begunAt)
  const pacing = { everyMs: pollEveryMs, signal, deps }
  const timeoutMs = options.timeoutMs ?? settings.recoveryTimeoutMs
  const resume = '`lifeboat pitr restore PRODUCT --resume` follows it on; the recovery itself goes on at Supabase'
  let operation = begun
  let shown = ''

  if (operation.details.left !== true) await left()
  await back()
  const notes = await health()
  return { operation, durationMs: deps.now() - begunAtMs, notes, instance: null }

  /** A status, or undefined while the API has trouble of its own: a restore outlasts that. */
  async function status(): Promise<string | undefined> {
    try {
      const seen = (await api.project(signal)).status
      if (seen !== shown) progress(seen)
      shown = seen
      return seen
    } catch (error) {
      signal?.throwIfAborted()
      if (!isBackupError(error, 'provider-unreachable') && !isBackupError(error, 'provider-rate-limited')) throw error
      progress('(the API does not answer)')
      return undefined
    }
  }

  async function left(): Promise<void> {
    // Counted from now: a run that takes the recovery up gets its own time to see something.
    const until = deps.now() + settings.leaveTimeoutMs
    await poll(
      async () => {
        const seen = await status()
        if (seen === undefined) return undefined
        if (hasLeft(seen)) return true
        if (seen === 'ACTIVE_HEALTHY') {
          const marks = await readServerMarks(api, signal)
          // Fast, or over before this process began to look.
          if (isNewTimeline(operation.plan, marks) || restarted(marks?.startedAtMs)) return true
        }
        if (deps.now() < until) return undefined
        throw new BackupError(
          'recovery-uncertain',
          `Supabase took the recovery of ${ref} at ${operation.begunAt}, but the project is still ${seen}`,
          { hint: `see the project in the dashboard; ${resume}; nothing is sent again` },
        )
      },
      { ...pacing, what: `the recovery of ${ref} to begin`, timeoutMs: timeoutMs, hint: resume },
    )
    operation = { ...operation, details: { ...operation.details, left: true } }
    await options.record?.(operation)
  }

  function hasLeft(seen: string): boolean {
    if (seen === 'ACTIVE_HEALTHY') return false
    // A project that was in trouble before has left only when it says something else.
    return seen !== operation.plan.details.statusBefore
  }

  function restarted(startedAtMs: number | undefined): boolean {
    const before = operation.plan.details.startedBeforeMs
    return startedAtMs !== undefined && typeof before === 'number' && startedAtMs > before && startedAtMs > begunAtMs
  }

  async function back(): Promise<void> {
    await poll(
      async () => {
        const seen = await status()
        if (seen === undefined) return undefined
        if (failed.has(seen)) {
          throw new BackupError('recovery-failed', `Supabase gave the recovery of ${ref} up: ${seen}`, {
            hint: 'restore another backup or instant, ask the support, or restore a dump into a new project: `lifeboat restore --profile supabase`',
          })
        }
        return seen === 'ACTIVE_HEALTHY' ? true : undefined
      },
      { ...pacing, what: `the recovery of ${ref} to end`, timeoutMs, hint: resume },
    )
  }

  /** The database must be healthy; of the others it is said which are not. */
  async function health(): Promise<string[]> {
    progress('asking for its health')
    const until = deps.now() + Math.min(timeoutMs, healthTimeoutMs)
    return await poll(
      async () => {
        let services: Awaited<ReturnType<typeof api.health>>
        try {
          services = await api.health(signal)
        } catch (error) {
          signal?.throwIfAborted()
          if (!isBackupError(error, 'provider-unreachable') && !isBackupError(error, 'provider-rate-limited'))
            throw error
          return undefined
        }
        const unwell = services.filter(one => one.status !== 'ACTIVE_HEALTHY')
        const database = services.find(one => one.name === 'db')
        const databaseWell = database !== undefined && database.status === 'ACTIVE_HEALTHY'
        if (unwell.length > 0 && deps.now() + pollEveryMs < until) return undefined
        if (!databaseWell && unwell.length > 0) return undefined
        return unwell.length === 0
          ? ['all services are healthy']
          : unwell.map(one => `${one.name} is ${one.status}${one.error ? `: ${one.error}` : ''}`)
      },
      {
        ...pacing,
        what: `the database of ${ref} to be healthy after the recovery`,
        timeoutMs: Math.min(timeoutMs, healthTimeoutMs) + pollEveryMs,
        hint: resume,
      },
    )
  }

  function progress(state: string): void {
    try {
      options.onEvent?.({ type: 'provider.progressed', provider: 'supabase', state, elapsedMs: deps.now() - begunAtMs })
    } catch {
      // A listener that throws breaks nothing.
    }
  }
}
