import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { backupsPrefixes } from '../repository/layout.js'
import type { SealKeys } from '../seal/seal.js'
import type { ObjectStore, StoredObject } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { indexKeys } from './index-keys.js'
import { clockToleranceMs, type NewestFound, readNewestBackup } from './read-newest-backup.js'
import { type NewestProofs, readNewestProofs } from './read-newest-proofs.js'
import { readObjects, type SetFacts } from './read-objects.js'
import type { PlaceMemory } from './status-memory.js'
import { withinTime } from './within-time.js'

/** What one destination of a product told. */
export interface DestinationFacts extends NewestFound, NewestProofs {
  readonly destination: string
  readonly location: string
  /** Why it could not be read; then nothing else is known of it. */
  readonly failure: { readonly code: string; readonly message: string } | null
  readonly backups: number
  /** When the oldest of them was begun; null: there is none. */
  readonly oldestMs: number | null
  /** What it told of the product's sets of objects, by their names: of those that are copied there. */
  readonly objects: Readonly<Record<string, SetFacts>>
}

export interface ReadDestinationJob {
  readonly product: string
  readonly destination: string
  readonly store: ObjectStore
  /** The sets of objects that are copied there; undefined: the product has none at all. */
  readonly sets?: readonly string[] | undefined
  readonly keys: () => Promise<SealKeys>
  readonly memory: PlaceMemory
  readonly now: Date
}

/** Reads one destination in one listing and the few objects that are new; never longer than it may take. */
export async function readDestination(
  job: ReadDestinationJob,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<DestinationFacts> {
  const { product, destination, store } = job
  const shared = { destination, location: store.location }
  const doing = `list ${product}/ (${store.location})`
  try {
    const read = (signal: AbortSignal) => readAll(job, signal)
    return { ...shared, failure: null, ...(await withinTime(read, { ms: timeoutMs, doing, signal })) }
  } catch (error) {
    throwIfCancelled(signal)
    const { code, message } = isBackupError(error) ? error : wrapStoreError(error, { store, doing: `read ${product}/` })
    return {
      ...{ ...shared, failure: { code, message }, backups: 0, oldestMs: null, newest: null, unreadable: [], ahead: [] },
      ...{ verification: null, drill: null, ofNewest: null, refused: 0, objects: {} },
    }
  }
}

async function readAll(job: ReadDestinationJob, signal: AbortSignal) {
  const { product, destination, store, memory, now, keys, sets } = job
  const listed: StoredObject[] = []
  const objects: Record<string, SetFacts> = {}
  const list = async (prefix: string) => {
    for await (const object of store.list(prefix, { signal })) listed.push(object)
  }
  await Promise.all([
    // Content of copied objects lies there, too, and may be a thousand times as much.
    ...(sets === undefined ? [`${product}/`] : [...backupsPrefixes(product), `${product}/verifications/`]).map(list),
    ...(sets ?? []).map(async set => {
      objects[set] = await readObjects({ product, set, destination, store, keys, memory, now }, signal)
    }),
  ])
  const { manifests, records } = indexKeys(product, listed)
  memory.keepOnly([...manifests, ...records, ...Object.values(objects).flatMap(({ known }) => known)])
  const found = await readNewestBackup(store, manifests, { product, now, memory, signal })
  // One from a clock that was ahead would stand for all that is due until then.
  const past = records.filter(({ stampMs }) => stampMs <= now.getTime() + clockToleranceMs)
  const proofs = await readNewestProofs(store, past, {
    ...{ product, destination, newest: found.newest, keys, memory, signal },
  })
  return { ...found, ...proofs, objects, backups: manifests.length, oldestMs: manifests.at(-1)?.stampMs ?? null }
}
