import type { EventListener } from '../events/backup-event.js'
import type { ObjectStore, Removal, StoreCallOptions } from './object-store.js'

/** Removes an object with what a store that keeps versions would keep of it. */
export async function removeForGood(store: ObjectStore, key: string, options: StoreCallOptions): Promise<Removal> {
  if (store.removeForGood !== undefined) return store.removeForGood(key, options)
  await store.remove(key, options)
  return { state: 'gone', message: null }
}

/** Stores of which was said that they do not tell of older versions. */
const told = new WeakSet<ObjectStore>()

/** Says what a place does not tell: once for a store, which is anew in each run, and not for each object. */
export function tellOnce(store: ObjectStore, message: string, emit: EventListener): void {
  if (told.has(store)) return
  told.add(store)
  emit({ type: 'warning.raised', message })
}
