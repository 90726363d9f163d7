import { hostname, userInfo } from 'node:os'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import type { EventListener } from '../events/backup-event.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import type { LockName } from './lock-record.js'
import { acquireStoreLock, type StoreLock } from './store-lock.js'

/** How long a holder may be silent before others take over. Renewed four times in that time. */
export const defaultLeaseMs = 10 * 60_000

export interface LockWork {
  readonly product: string
  /** Default: `change`. */
  readonly name?: LockName | undefined
  readonly purpose: 'backup' | 'prune' | 'sweep' | 'copy'
  readonly stores: readonly { readonly name: string; readonly store: ObjectStore }[]
  readonly leaseMs: number
  readonly now: () => Date
  readonly emit: EventListener
  readonly signal?: AbortSignal | undefined
}

interface Held {
  readonly name: string
  readonly store: ObjectStore
  readonly lock: StoreLock
  /** Runs off before the lease does, unless a renewal puts another in its place. */
  deadline: NodeJS.Timeout
  renewing: Promise<void> | undefined
  /** It did not answer for too long; whoever wants the lock has it by now. */
  silent: boolean
}

/**
 * A holder that cannot renew gives up this long before others take over. As it renews every quarter of its lease, a
 * clock that is three quarters of a lease ahead still takes nothing from a holder whose store answers.
 */
function safetyMs(leaseMs: number): number {
  return Math.min(60_000, leaseMs / 10)
}

/**
 * Runs `work` while the product's lock is held in every store that answers; the signal it gets also aborts when a lock
 * is lost. For a backup a store that does not answer, at its begin or later, is not locked, which is said: it will not
 * take a backup either, and the others must not go without. Whatever removes, or clears the way for itself, does not begin there.
 * @throws BackupError `locked` when one of the stores is held by another run, and what kept another work from its lock
 */
export async function withLocks<T>(options: LockWork, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const held: Held[] = []
  const lost = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, lost.signal]) : lost.signal
  const holder = holderName()
  const lockOptions = { ...options, holder, now: options.now, signal: options.signal }
  try {
    for (const { name, store } of options.stores) {
      try {
        const deadline = deadlineFrom(performance.now(), name)
        try {
          const lock = await acquireStoreLock(store, lockOptions)
          held.push({ name, store, lock, deadline, renewing: undefined, silent: false })
        } catch (error) {
          clearTimeout(deadline)
          throw error
        }
      } catch (error) {
        const wrapped = wrapStoreError(error, { store, doing: 'take the lock', signal: options.signal })
        if (wrapped.code === 'locked' || wrapped.code === 'cancelled' || options.purpose !== 'backup') throw wrapped
        options.emit({ type: 'warning.raised', message: `${name} is not locked: ${wrapped.message}` })
      }
    }
    const timer = setInterval(() => {
      for (const one of held) one.renewing ??= renew(one)
    }, options.leaseMs / 4)
    try {
      return await work(signal)
    } finally {
      clearInterval(timer)
    }
  } finally {
    await Promise.all(held.map(release))
  }

  async function renew(one: Held): Promise<void> {
    // Not from its end: others count from what was written, which a slow store took long ago.
    const began = performance.now()
    try {
      await one.lock.renew()
      clearTimeout(one.deadline)
      one.deadline = deadlineFrom(began, one.name)
      one.silent = false
    } catch (error) {
      // A store may fail, or say nothing, for a while: the deadline judges that.
      if (isBackupError(error, 'locked') && !one.silent) lose(one.name, 'taken', error)
    } finally {
      one.renewing = undefined
    }
  }

  function deadlineFrom(began: number, name: string): NodeJS.Timeout {
    const leftMs = options.leaseMs - safetyMs(options.leaseMs) - (performance.now() - began)
    return setTimeout(fallSilent, Math.max(0, leftMs), name)
  }

  function fallSilent(name: string): void {
    for (const one of held) one.silent ||= one.name === name
    const message = `${name} is not locked any more: it did not answer for too long`
    if (options.purpose !== 'backup' || held.every(one => one.silent)) lose(name, 'silent')
    else options.emit({ type: 'warning.raised', message })
  }

  function lose(name: string, why: 'taken' | 'silent', cause?: unknown): void {
    lost.abort(
      new BackupError('locked', `the lock of ${options.product} in ${name} was lost`, {
        cause,
        hint:
          why === 'taken'
            ? 'another run took over; see its result'
            : 'the store did not answer for too long; try again',
      }),
    )
  }

  async function release(one: Held): Promise<void> {
    clearTimeout(one.deadline)
    try {
      // One that is under way would write the lock again after it is gone.
      await one.renewing
      await one.lock.release()
    } catch (error) {
      const { message } = wrapStoreError(error, { store: one.store, doing: 'release the lock' })
      options.emit({ type: 'warning.raised', message: `${one.name}: ${message}; it expires by itself` })
    }
  }
}

/** Who this process is, for people: `user@host, process 4711`. */
export function holderName(): string {
  return `${userName()}@${hostname()}, process ${process.pid}`
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run as a user that has no name.
    return `user ${process.getuid?.() ?? 'unknown'}`
  }
}
