import { isBackupId } from '../repository/layout.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { snapshotsPrefix } from './object-layout.js'
import { readSnapshot, type Snapshot, type SnapshotPlace } from './snapshot.js'

/**
 * The newest snapshot of a set by its id, which begins with the second it was begun at; one listing, one read.
 * @param latest one that says it was made later is passed over: a clock was wrong
 */
export async function newestSnapshot(
  place: SnapshotPlace,
  latest: Date,
  signal: AbortSignal | undefined,
): Promise<Snapshot | undefined> {
  const { store, product, set } = place
  const prefix = snapshotsPrefix(product, set)
  const ids: string[] = []
  try {
    for await (const { key } of store.list(prefix, { signal })) {
      const id = key.slice(prefix.length, -'.json'.length)
      if (key.endsWith('.json') && isBackupId(id)) ids.push(id)
    }
    for (const id of ids.sort().reverse()) {
      const read = await readSnapshot(place, id, signal)
      // Damage is what a verification tells of.
      if (read !== undefined && 'format' in read && new Date(read.createdAt) <= latest) return read
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${prefix}`, signal })
  }
  return undefined
}
