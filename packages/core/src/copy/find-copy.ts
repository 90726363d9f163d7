import { isBackupError } from '../errors/backup-error.js'
import { backupPrefix, manifestKey } from '../repository/layout.js'
import type { Manifest } from '../repository/manifest.js'
import { readManifest } from '../repository/read-manifest.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'

/** What a place has of a backup: its manifest; or, without one, the keys that a run which died left. */
export interface FoundCopy {
  readonly manifest: Manifest | undefined
  readonly left: readonly string[]
}

/** Looks for a backup in the place that it is to be copied to. @throws BackupError `manifest-invalid` for a damaged one */
export async function findCopy(
  store: ObjectStore,
  wanted: { readonly product: string; readonly id: string; readonly keys: readonly string[] },
  signal: AbortSignal | undefined,
): Promise<FoundCopy> {
  const { product, id, keys } = wanted
  try {
    return { manifest: await readManifest(store, manifestKey(product, id), signal), left: [] }
  } catch (error) {
    if (!isBackupError(error, 'object-missing')) throw error
  }
  const left: string[] = []
  try {
    for (const key of keys) if ((await store.head(key, { signal })) !== undefined) left.push(key)
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `look into ${backupPrefix(product, id)}`, signal })
  }
  return { manifest: undefined, left }
}
