import { isBackupId } from '../repository/layout.js'
import type { StoredObject } from '../store/object-store.js'
import { checkpointsPrefix } from './object-layout.js'
import type { Snapshot, SnapshotPlace } from './snapshot.js'

/** So long what a killed run left waits for the run that takes it over, from the last that it wrote down. */
const waitMs = 7 * 24 * 60 * 60 * 1000

/**
 * Which runs left what the next one may take over, and the checkpoints of all others. Says it by names and times: needs no
 * key. A run is over once there is a snapshot that was begun after it.
 */
export async function findLiveCheckpoints(
  { store, product, set }: SnapshotPlace,
  kept: readonly Snapshot[],
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal | undefined },
): Promise<{ readonly live: ReadonlySet<string>; readonly over: readonly StoredObject[] }> {
  const newest =
    kept
      .map(({ createdAt }) => createdAt)
      .sort()
      .at(-1) ?? ''
  // As ids write it, to the second; what began in the same one may be either.
  const since = newest.replace(/[-:]|\.\d+/g, '')
  const prefix = checkpointsPrefix(product, set)
  const runs = new Map<string, StoredObject[]>()
  for await (const found of store.list(prefix, { signal })) {
    const run = found.key.slice(prefix.length).split('/')[0]!
    if (!isBackupId(run)) continue
    const files = runs.get(run)
    if (files === undefined) runs.set(run, [found])
    else files.push(found)
  }
  const live = new Set<string>()
  const over: StoredObject[] = []
  for (const [run, files] of runs) {
    const last = files.reduce((latest, one) => Math.max(latest, one.modifiedAt.getTime()), 0)
    if (run.slice(0, since.length) >= since && now.getTime() - last <= waitMs) live.add(run)
    else for (const one of files) over.push(one)
  }
  return { live, over }
}
