import type { EventListener } from '../events/backup-event.js'
import { removeForGood } from '../store/remove-for-good.js'
import { whyRetained } from '../store/why-retained.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { type LocatedBackup, locateArtifact } from './locate-artifact.js'

/**
 * Removes a backup: its manifest first, then what it names, nothing else; with the older versions that the place keeps. The
 * caller holds the product's lock.
 * @returns what the place keeps of it and why, such as a lock of its own; undefined when it is gone
 */
export async function removeBackup(
  backup: LocatedBackup,
  signal?: AbortSignal,
  emit: EventListener = () => {},
): Promise<string | undefined> {
  const { store, folder, manifest, destination } = backup
  const keys = [`${folder}manifest.json`, ...manifest.artifacts.map(one => locateArtifact(backup, one))]
  try {
    const why = await whyRetained(store, keys, signal)
    if (why !== undefined) return why
    const left: string[] = []
    for (const key of keys) {
      const { state, message } = await removeForGood(store, key, { signal })
      if (message !== null) left.push(message)
      // Without its manifest it is no backup any more; with it, all of it stays.
      if (state === 'kept') break
      if (state === 'gone') emit({ type: 'object.removed', destination, key })
    }
    return left.length === 0 ? undefined : left.join('; ')
  } catch (error) {
    const wrapped = wrapStoreError(error, { store, doing: `remove ${manifest.product}/${manifest.id}`, signal })
    if (wrapped.code === 'cancelled' || wrapped.code === 'locked') throw wrapped
    return wrapped.message
  }
}
