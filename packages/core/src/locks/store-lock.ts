import { randomBytes } from 'node:crypto'
import { BackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { type LockName, type LockRecord, lockKey, readLockRecord } from './lock-record.js'

export interface StoreLockOptions {
  readonly product: string
  /** Default: `change`. */
  readonly name?: LockName | undefined
  /** What it is held for: `backup`, `prune`. */
  readonly purpose: string
  /** Who holds it, for people. */
  readonly holder: string
  readonly leaseMs: number
  readonly now: () => Date
  readonly signal?: AbortSignal | undefined
}

/** A lock that is held. */
export interface StoreLock {
  /** Extends the lease. @throws BackupError `locked` when somebody else holds it by now */
  renew(): Promise<void>
  /** Gives it back; does nothing when it was lost. */
  release(): Promise<void>
}

/**
 * Takes a product's lock in a store: a small object that must not exist (`ifAbsent`, so of several racers one wins),
 * with the time its holder may be silent. Once that is over it is taken over, by a claim of its own that, again, must
 * not exist; a holder that could not renew has given up by then (`hold-locks.ts`). Without conditional put two racers in the same moment can both win; `doctor` says where that is so.
 * @throws BackupError `locked`, naming the holder; and raw errors of the store
 */
export async function acquireStoreLock(store: ObjectStore, options: StoreLockOptions): Promise<StoreLock> {
  const key = lockKey(options.product, options.name)
  const { purpose, holder, leaseMs, now, signal } = options
  const token = randomBytes(12).toString('hex')
  const acquiredAt = now().toISOString()
  const record = (): LockRecord => ({
    token,
    purpose,
    holder,
    acquiredAt,
    expiresAt: new Date(now().getTime() + leaseMs).toISOString(),
  })
  if (!(await putOnce(store, key, record(), signal))) await takeOver()
  return { renew, release }

  async function takeOver(): Promise<void> {
    const found = await readLockRecord(store, key, signal)
    if (found === undefined) {
      if (await putOnce(store, key, record(), signal)) return
      throw lockedBy(await readLockRecord(store, key, signal), options)
    }
    // The put was refused because of itself: an attempt before wrote it, and its answer was lost.
    if (found.token === token) return
    await claimExpired(found, signal)
  }

  async function claimExpired(found: LockRecord, signal: AbortSignal | undefined): Promise<void> {
    const lateMs = now().getTime() - Date.parse(found.expiresAt)
    if (lateMs <= 0) throw lockedBy(found, options)
    // One claim per expired lock and lease: a claimant that died as well is outwaited like any other holder.
    const lease = Math.floor(lateMs / leaseMs)
    const claimOf = (which: number) => `${key.slice(0, -'.json'.length)}.${found.token}-${which}.json`
    const claim = claimOf(lease)
    if (!(await putOnce(store, claim, record(), signal))) throw lockedBy(found, options)
    try {
      // By another clock it is another lease. Each claims before it looks, so of two at least one sees the other.
      for (const beside of [claimOf(lease - 1), claimOf(lease + 1)]) {
        const other = await readLockRecord(store, beside, signal)
        if (other !== undefined && Date.parse(other.expiresAt) > now().getTime()) throw lockedBy(other, options)
      }
      const still = await readLockRecord(store, key, signal)
      // Whoever claimed before us, and is done, has replaced it.
      if (still !== undefined && still.token !== found.token) throw lockedBy(still, options)
      await put(store, key, record(), signal)
    } finally {
      // Credentials that may not delete leave it for the sweep; it holds nobody up for longer than a lease.
      await store.remove(claim).catch(() => {})
    }
  }

  async function renew(): Promise<void> {
    const found = await readLockRecord(store, key, undefined)
    if (found?.token !== token) throw lockedBy(found, options)
    // A machine that slept, or a store that was away: somebody may be taking it over at this moment.
    if (now().getTime() > Date.parse(found.expiresAt)) return claimExpired(found, undefined)
    await put(store, key, record(), undefined)
  }

  async function release(): Promise<void> {
    const found = await readLockRecord(store, key, undefined)
    if (found?.token !== token) return
    try {
      await store.remove(key)
    } catch {
      // Credentials that may write but not delete can still say that it is over.
      await put(store, key, { ...record(), expiresAt: new Date(0).toISOString() }, undefined)
    }
  }
}

/** The copies of a set have a lock of their own, beside that of the product's backups. */
function guardedBy({ product, name }: Pick<StoreLockOptions, 'product' | 'name'>): string {
  return name?.startsWith('objects-') ? `the set ${name.slice('objects-'.length)} of ${product}` : product
}

function lockedBy(found: LockRecord | undefined, of: Pick<StoreLockOptions, 'product' | 'name'>): BackupError {
  const who = found === undefined ? 'another run' : `${found.holder}, for a ${found.purpose} since ${found.acquiredAt}`
  return new BackupError('locked', `${guardedBy(of)} is locked by ${who}`, {
    hint: found
      ? `wait for it; a holder that died is let go at ${found.expiresAt}`
      : 'wait for it to end, then try again',
  })
}

async function put(store: ObjectStore, key: string, record: LockRecord, signal: AbortSignal | undefined) {
  const text = `${JSON.stringify(record)}\n`
  await store.put(key, bytesOf(text), { expectedBytes: text.length, signal })
}

/** Whether this call made the object. */
async function putOnce(
  store: ObjectStore,
  key: string,
  record: LockRecord,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const text = `${JSON.stringify(record)}\n`
  try {
    await store.put(key, bytesOf(text), { ifAbsent: true, expectedBytes: text.length, signal })
    return true
  } catch (error) {
    if (store.classify(error) === 'object-exists') return false
    throw error
  }
}
