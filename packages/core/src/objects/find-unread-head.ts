import { isBackupId } from '../repository/layout.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { snapshotsPrefix } from './object-layout.js'
import type { SnapshotPlace } from './snapshot.js'

/**
 * Looks once more for heads, before content goes that no known snapshot needs: one that is listed now, and was not read
 * before, may need it. Under the set's lock nobody makes or removes one, so it is the store that answered in part.
 * @returns its key; undefined: all that are listed are known
 */
export async function findUnreadHead(
  { store, product, set }: SnapshotPlace,
  known: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const prefix = snapshotsPrefix(product, set)
  try {
    for await (const { key } of store.list(prefix, { signal })) {
      const id = key.slice(prefix.length, -'.json'.length)
      if (key.endsWith('.json') && isBackupId(id) && !known.has(id)) return key
    }
    return undefined
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${prefix}`, signal })
  }
}
