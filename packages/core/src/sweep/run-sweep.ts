import type { SweepResult } from '../api/retention.js'
import type { RunOptions } from '../api/run-options.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import { withLocks } from '../locks/hold-locks.js'
import type { ObjectStore } from '../store/object-store.js'
import { removeForGood, tellOnce } from '../store/remove-for-good.js'
import { whyRetained } from '../store/why-retained.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { findGarbage, isLongExpired } from './find-garbage.js'

export interface SweepJob {
  readonly product: string
  readonly destination: string
  readonly store: ObjectStore
  readonly now: () => Date
  readonly apply: boolean
  readonly lockLeaseMs: number
}

/**
 * Lists what crashed runs left in one destination and, with `apply`, removes it under the product's lock.
 * @throws BackupError `locked` when a backup or a prune of the product is under way
 */
export async function runSweep(job: SweepJob, options: RunOptions): Promise<SweepResult> {
  if (!job.apply) return sweepUnlocked(job, options)
  const { product, destination, store, lockLeaseMs: leaseMs, now } = job
  const stores = [{ name: destination, store }]
  const emit = emitterFor(options.onEvent)
  return withLocks({ product, purpose: 'sweep', stores, leaseMs, now, emit, signal: options.signal }, signal =>
    sweepUnlocked(job, { ...options, signal }),
  )
}

/** The same for a caller that holds the lock already. */
export async function sweepUnlocked(job: SweepJob, options: RunOptions): Promise<SweepResult> {
  const { product, destination, store } = job
  const { signal } = options
  const emit = emitterFor(options.onEvent)
  const garbage = await findGarbage(store, product, job.now(), signal).catch((error: unknown) => {
    throw wrapStoreError(error, { store, doing: `look for garbage of ${product}`, signal })
  })
  const removed: string[] = []
  const retained: SweepResult['retained'][number][] = []
  for (const one of job.apply ? garbage : []) {
    throwIfCancelled(signal)
    try {
      if (one.kind === 'expired-lock' && !(await isLongExpired(store, one.key, job.now(), signal))) continue
      const why = one.kind === 'unfinished-upload' ? undefined : await whyRetained(store, [one.key], signal)
      if (why !== undefined) {
        retained.push({ key: one.key, message: why })
        continue
      }
      if (one.kind === 'unfinished-upload') await store.removeUnfinished?.(one.upload, { signal })
      else {
        const { state, message } = await removeForGood(store, one.key, { signal })
        if (state === 'kept' || state === 'hidden') {
          retained.push({ key: one.key, message: message ?? `${one.key} is kept` })
          continue
        }
        if (state === 'removed') tellOnce(store, `${destination}: ${message}`, emit)
      }
      removed.push(one.key)
      emit({ type: 'object.removed', destination, key: one.key })
    } catch (error) {
      const wrapped = wrapStoreError(error, { store, doing: `remove ${one.key}`, signal })
      if (wrapped.code === 'cancelled' || wrapped.code === 'locked') throw wrapped
      retained.push({ key: one.key, message: wrapped.message, code: wrapped.code })
    }
  }
  const found = garbage.map(({ kind, key, sizeBytes, since }) => ({ kind, key, sizeBytes, since: since.toISOString() }))
  return { product, destination, applied: job.apply, garbage: found, removed, retained }
}
