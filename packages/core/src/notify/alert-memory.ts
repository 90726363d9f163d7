import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { holderName } from '../locks/hold-locks.js'
import { acquireStoreLock, type StoreLock } from '../locks/store-lock.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { type AlertState, alertStateSchema, emptyAlertState, mergeStates } from './alert-state.js'
import type { NotifyDeps } from './notify-deps.js'

const maxBytes = 4 * 2 ** 20

/** The key of what is remembered of a product's alerts; like a lock it is no part of any backup. */
export function alertStateKey(product: string): string {
  return `${product}/alerts/state.json`
}

/** Where what was sent is remembered. */
export interface MemoryWork {
  readonly product: string
  readonly stores: readonly ObjectStore[]
  readonly deps: NotifyDeps
  readonly signal?: AbortSignal | undefined
}

/** What all stores that answer remember, together. */
export async function readAlertState(work: MemoryWork): Promise<{ state: AlertState; answered: boolean }> {
  const key = alertStateKey(work.product)
  const found = await Promise.all(
    work.stores.map(store =>
      bounded(work, async signal => {
        const text = await readText(store, key, signal)
        return text === undefined ? emptyAlertState : parse(text)
      }).catch(() => {
        throwIfCancelled(work.signal)
        return undefined
      }),
    ),
  )
  const states = found.filter(one => one !== undefined)
  return { state: mergeStates(states), answered: states.length > 0 }
}

/** Writes what is known now into every store that takes it. @returns why none did, or null */
export async function writeAlertState(work: MemoryWork, state: AlertState): Promise<string | null> {
  const key = alertStateKey(work.product)
  const text = `${JSON.stringify(state)}\n`
  const failures = await Promise.all(
    work.stores.map(async store => {
      try {
        await bounded(work, signal => store.put(key, bytesOf(text), { expectedBytes: text.length, signal }))
        return null
      } catch (error) {
        throwIfCancelled(work.signal)
        return wrapStoreError(error, { store, doing: `write ${key}` }).message
      }
    }),
  )
  return failures.every(one => one !== null) ? (failures[0] ?? null) : null
}

/** A turn that is taken: others who want to send of the product wait. */
export interface Turn {
  /** Says that it takes longer. */
  extend(): Promise<void>
  end(): Promise<void>
}

/**
 * Waits until nobody else is sending alerts of a product: two machines that look at once would both send. A store that
 * fails, or may only be read, keeps nobody from sending: rather twice than never.
 * @param patient false: undefined at once when somebody else has it, as whoever holds one turn must not wait for another
 */
export async function takeTurn(work: MemoryWork, patient: boolean): Promise<Turn | undefined> {
  const { product, stores, deps, signal } = work
  const held: StoreLock[] = []
  const end = async () => {
    // One that cannot be given back expires by itself.
    await Promise.all(held.map(lock => bounded({ ...work, signal: undefined }, () => lock.release()).catch(() => {})))
  }
  // Whoever holds it is done, or dead and past its lease, by then.
  let leftMs = deps.leaseMs * 1.5
  try {
    for (const store of stores) if (!(await takeIn(store))) return undefined
  } catch (error) {
    // Whoever gives up while it waits keeps nobody else waiting.
    await end()
    throw error
  }
  return {
    async extend() {
      // Lost or not: what is begun is sent to its end.
      await Promise.all(held.map(lock => bounded(work, () => lock.renew()).catch(() => {})))
    },
    end,
  }

  /** False: somebody else has it, who is not waited for. */
  async function takeIn(store: ObjectStore): Promise<boolean> {
    for (;;) {
      try {
        held.push(
          await bounded(work, bound =>
            acquireStoreLock(store, {
              ...{ product, name: 'alerts', purpose: 'alerts', holder: holderName(), leaseMs: deps.leaseMs },
              ...{ now: () => new Date(deps.now()), signal: bound },
            }),
          ),
        )
        return true
      } catch (error) {
        throwIfCancelled(signal)
        if (!isBackupError(error, 'locked') || leftMs <= 0) return true
        if (!patient) {
          await end()
          return false
        }
        const waitMs = 250 + Math.floor(deps.random() * 750)
        leftMs -= waitMs
        await deps.sleep(waitMs, signal)
      }
    }
  }
}

async function bounded<T>({ deps, signal }: MemoryWork, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const timeout = AbortSignal.timeout(deps.memoryMs)
  const bound = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  const aborted = new Promise<never>((_resolve, reject) => {
    bound.addEventListener('abort', () => reject(bound.reason), { once: true })
  })
  // A store may not look at its signal.
  return Promise.race([call(bound), aborted])
}

async function readText(store: ObjectStore, key: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await readWhole(store.get(key, { signal }), maxBytes)).toString('utf8')
  } catch (error) {
    if (store.classify(error) === 'object-missing') return undefined
    // Longer than we write: not ours.
    if (error instanceof RangeError) return ''
    throw error
  }
}

/** One that cannot be read remembers nothing: alerts are sent once more. */
function parse(text: string): AlertState {
  try {
    return alertStateSchema.parse(JSON.parse(text))
  } catch {
    return emptyAlertState
  }
}
