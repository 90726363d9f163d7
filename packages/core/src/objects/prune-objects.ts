import type { ObjectsPruneResult } from '../api/objects.js'
import type { RetentionPolicy } from '../config/config-schema.js'
import { type BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { ErrorCode } from '../errors/error-code.js'
import type { EventListener } from '../events/backup-event.js'
import { withLocks } from '../locks/hold-locks.js'
import { type PruneCandidate, type PrunePlan, planPrune } from '../retention/plan-prune.js'
import { planSuperseded } from '../retention/superseded.js'
import type { StoredObject } from '../store/object-store.js'
import { removeTogether } from '../store/remove-together.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { garbageAgeMs } from '../sweep/find-garbage.js'
import { checkInventory } from './check-inventory.js'
import { listContent, readContentLengths } from './content-lengths.js'
import { ContentMarks } from './content-marks.js'
import { setLock } from './copy-job.js'
import { findUnreadHead } from './find-unread-head.js'
import { findLiveCheckpoints } from './live-checkpoints.js'
import { inventoryKey, listingKey, setPrefix, snapshotKey } from './object-layout.js'
import { listRecords } from './objects-record.js'
import { readSnapshots, type Snapshot, type SnapshotPlace } from './snapshot.js'
import { readInventory } from './snapshot-files.js'
import { findSupersededSnapshots } from './superseded-snapshots.js'
import { tallyLocked } from './tally-locked.js'

export interface PruneObjectsJob extends SnapshotPlace {
  readonly destination: string
  readonly policy: RetentionPolicy
  readonly apply: boolean
  readonly now: () => Date
  readonly lockLeaseMs: number
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

/**
 * Plans which snapshots of a set may go by the rules for backups and, with `apply`, removes them under the set's lock, and
 * then the content that none of the others needs. Needs no key: inventories are in clear.
 *
 * A snapshot counts as verified when everything it needs is there, with its length. Content younger than a day stays, and
 * all of it does where one inventory cannot be read.
 * @throws BackupError `locked`
 */
export async function pruneObjects(job: PruneObjectsJob): Promise<ObjectsPruneResult> {
  if (!job.apply) return planAndApply(job, job.signal)
  const { product, set, destination, store, lockLeaseMs: leaseMs, now, emit } = job
  const lock = { product, name: setLock(set), purpose: 'prune', stores: [{ name: destination, store }] } as const
  return withLocks({ ...lock, leaseMs, now, emit, signal: job.signal }, signal => planAndApply(job, signal))
}

async function planAndApply(job: PruneObjectsJob, signal: AbortSignal | undefined): Promise<ObjectsPruneResult> {
  const { product, set, destination, store, apply } = job
  const { snapshots, unreadable } = await readSnapshots(job, signal)
  const lengths = await readContentLengths(job, signal)
  const candidates = []
  for (const snapshot of snapshots) {
    const findings = await checkInventory(job, snapshot, lengths, signal)
    candidates.push({ id: snapshot.id, createdAt: new Date(snapshot.createdAt), verified: findings.length === 0 })
  }
  const plan = planWithRotated(snapshots, candidates, job)
  const removed: string[] = []
  const retained: Retained[] = []
  const going = new Set(plan.remove.map(({ id }) => id))
  const records = apply && plan.remove.length > 0 ? await recordsBySnapshot(job, signal) : new Map<string, string[]>()
  for (const { id } of apply ? plan.remove : []) {
    const keys = [...filesOf(product, set, id), ...(records.get(id) ?? [])]
    const failed: { code?: ErrorCode } = {}
    const why = await removeAll(job, keys, signal, failed)
    if (why === undefined) removed.push(id)
    else {
      retained.push({ id, message: why, ...failed })
      going.delete(id)
    }
  }
  const kept = snapshots.filter(({ id }) => !going.has(id))
  const unread = await findUnreadHead(job, new Set(snapshots.map(({ id }) => id)), signal)
  const held =
    (await whyHeld(unreadable)) ??
    (unread === undefined ? null : `${unread} in ${store.location} is listed, and was not to be read`)
  const freeing =
    held === null
      ? await removeUnneeded(job, kept, new Set(snapshots.map(({ id }) => id)), signal)
      : { ...nothing, held }
  return {
    ...{ product, set, destination, applied: apply, plan, removed },
    retained: [...retained, ...freeing.retained],
    ...{ unneeded: freeing.unneeded, freed: freeing.freed, locked: freeing.locked, held: freeing.held },
  }

  async function whyHeld(bad: readonly { readonly key: string; readonly message: string }[]): Promise<string | null> {
    const [first] = bad
    return first === undefined ? null : `${first.key} in ${store.location} cannot be read: ${first.message}`
  }
}

/** The records of verifications of each snapshot. */
async function recordsBySnapshot(
  job: PruneObjectsJob,
  signal: AbortSignal | undefined,
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for await (const { id, key } of listRecords(job, signal)) found.set(id, [...(found.get(id) ?? []), key])
  return found
}

/** By the rules; a snapshot and what it was encrypted anew as are one. */
function planWithRotated(
  snapshots: readonly Snapshot[],
  all: readonly PruneCandidate[],
  job: PruneObjectsJob,
): PrunePlan {
  const superseded = findSupersededSnapshots(snapshots, new Set(all.filter(one => one.verified).map(({ id }) => id)))
  const candidates = all.filter(({ id }) => !superseded.has(id))
  const anew = snapshots.flatMap(({ id, createdAt }) => {
    const as = superseded.get(id)
    return as === undefined ? [] : [{ id, createdAt, as }]
  })
  const verifiedLeft = candidates.filter(one => one.verified).length
  return planSuperseded(planPrune(candidates, job.policy, job.now()), anew, { policy: job.policy, verifiedLeft })
}

/** The head first: without it the rest is garbage, and no half of a snapshot. */
export function filesOf(product: string, set: string, id: string): readonly string[] {
  return [snapshotKey(product, set, id), listingKey(product, set, id), inventoryKey(product, set, id)]
}

type Retained = ObjectsPruneResult['retained'][number]

/** Why it could not be removed, and where that is an error, its code; undefined when it was. */
export async function removeAll(
  { store, destination, emit }: Pick<PruneObjectsJob, 'store' | 'destination' | 'emit'>,
  keys: readonly string[],
  signal: AbortSignal | undefined,
  failed: { code?: ErrorCode } = {},
): Promise<string | undefined> {
  throwIfCancelled(signal)
  const onFailure = ({ code }: BackupError) => {
    failed.code = code
  }
  return removeTogether(store, keys, { destination, what: keys[0] ?? 'nothing', emit, signal, onFailure })
}

/** What removes content that nothing needs. */
export type UnneededJob = Omit<PruneObjectsJob, 'policy' | 'lockLeaseMs'>

const none = { count: 0, storedBytes: 0 }
const nothing = { unneeded: none, freed: none, retained: [], locked: { ...none, until: null } }
const mostNamed = 20

/** Finds, and with `apply` removes, what none of these snapshots needs. Marks first, then one pass over the store. */
export async function removeUnneeded(
  job: UnneededJob,
  kept: readonly Snapshot[],
  ids: ReadonlySet<string>,
  signal: AbortSignal | undefined,
) {
  const { store, product, set, apply } = job
  const marks = new ContentMarks()
  try {
    for (const snapshot of kept)
      for await (const { run, number } of readInventory(job, snapshot, signal)) marks.mark(run, number)
  } catch (error) {
    if (!isBackupError(error, 'object-damaged') && !isBackupError(error, 'object-missing')) throw error
    return { ...nothing, held: error.message }
  }
  const unneeded = { ...none }
  const freed = { ...none }
  const retained: Retained[] = []
  const locked = tallyLocked()
  const judge = async ({ key, sizeBytes, modifiedAt }: Pick<StoredObject, 'key' | 'sizeBytes' | 'modifiedAt'>) => {
    if (job.now().getTime() - modifiedAt.getTime() <= garbageAgeMs) return
    unneeded.count += 1
    unneeded.storedBytes += sizeBytes
    if (!apply) return
    // That a lock outlives what needed it is how locks are, and nothing that stays behind by itself.
    if (locked.took(await lookAt(job, key, signal), sizeBytes)) return
    const failed: { code?: ErrorCode } = {}
    const why = await removeAll(job, [key], signal, failed)
    if (why === undefined) {
      freed.count += 1
      freed.storedBytes += sizeBytes
    } else if (retained.length < mostNamed) retained.push({ id: key, message: why, ...failed })
  }
  const { live, over } = await findLiveCheckpoints(job, kept, { now: job.now(), signal })
  // Before the content that they name.
  for (const found of over) await judge(found)
  for await (const found of listContent(job, signal))
    if (!marks.has(found.run, found.number) && !live.has(found.run)) await judge(found)
  for (const folder of ['listings', 'inventories']) {
    const prefix = `${setPrefix(product, set)}${folder}/`
    for await (const found of store.list(prefix, { signal })) {
      const id = found.key.slice(prefix.length).split('.')[0]!
      if (!ids.has(id)) await judge(found)
    }
  }
  for await (const found of listRecords(job, signal)) if (!ids.has(found.id)) await judge(found)
  for await (const upload of store.listUnfinished?.(setPrefix(product, set), { signal }) ?? []) {
    if (job.now().getTime() - upload.startedAt.getTime() <= garbageAgeMs) continue
    unneeded.count += 1
    if (!apply) continue
    await store.removeUnfinished?.(upload, { signal })
    freed.count += 1
  }
  return { unneeded, freed, retained, locked: locked.told(), held: null }
}

async function lookAt({ store }: Pick<PruneObjectsJob, 'store'>, key: string, signal: AbortSignal | undefined) {
  return store.head(key, { signal }).catch((error: unknown) => {
    throw wrapStoreError(error, { store, doing: `look at ${key}`, signal })
  })
}
