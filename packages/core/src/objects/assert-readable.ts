import { BackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'

/**
 * That a listing did not land in an archive, as by a store whose own class is one: the next run reads it.
 * @throws BackupError `store-refused`
 */
export async function assertReadable(store: ObjectStore, key: string, signal: AbortSignal): Promise<void> {
  if (store.retrieve === undefined) return
  const found = await store.head(key, { signal }).catch((error: unknown) => {
    throw wrapStoreError(error, { store, doing: `look at ${key}`, signal })
  })
  if (found?.archive === undefined) return
  throw new BackupError(
    'store-refused',
    `${key} landed in ${found.storageClass ?? 'an archive'}: the next run could not read it, and no prune either`,
    { hint: "name that class as storageClass of the set, which is for content alone, and not in the store's options" },
  )
}
