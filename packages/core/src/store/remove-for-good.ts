import type { ObjectStore, Removal, StoreCallOptions } from './object-store.js'

/** Removes an object with what a store that keeps versions would keep of it. */
export async function removeForGood(store: ObjectStore, key: string, options: StoreCallOptions): Promise<Removal> {
  if (store.removeForGood !== undefined) return store.removeForGood(key, options)
  await store.remove(key, options)
  return { state: 'gone', message: null }
}
