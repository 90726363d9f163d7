import { whyRetained } from '../store/why-retained.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { type LocatedBackup, locateArtifact } from './locate-artifact.js'

/**
 * Removes a backup: its manifest first, then what it names, nothing else. The caller holds the product's lock.
 * @returns why the place keeps it, such as a lock of its own; undefined when it is gone
 */
export async function removeBackup(backup: LocatedBackup, signal?: AbortSignal): Promise<string | undefined> {
  const { store, folder, manifest } = backup
  const keys = [`${folder}manifest.json`, ...manifest.artifacts.map(one => locateArtifact(backup, one))]
  try {
    const why = await whyRetained(store, keys, signal)
    if (why !== undefined) return why
    for (const key of keys) await store.remove(key, { signal })
    return undefined
  } catch (error) {
    const wrapped = wrapStoreError(error, { store, doing: `remove ${manifest.product}/${manifest.id}`, signal })
    if (wrapped.code === 'cancelled' || wrapped.code === 'locked') throw wrapped
    return wrapped.message
  }
}
