import { recordsPrefix, snapshotKey, snapshotsPrefix } from '../objects/object-layout.js'
import {
  isVerification,
  newestFirst,
  type ObjectsRecord,
  readObjectsRecord,
  recordStamp,
} from '../objects/objects-record.js'
import { hashSnapshot, readSnapshot, type Snapshot, type SnapshotPlace } from '../objects/snapshot.js'
import { isBackupId } from '../repository/layout.js'
import type { SealKeys } from '../seal/seal.js'
import type { StoredObject } from '../store/object-store.js'
import { type KnownObject, readStamp } from './index-keys.js'
import { clockToleranceMs } from './read-newest-backup.js'
import type { PlaceMemory } from './status-memory.js'

/** What is kept of the head of a snapshot. */
export type NewestSnapshot = Pick<Snapshot, 'id' | 'createdAt' | 'objects' | 'plainBytes' | 'missed'> & {
  readonly storedBytes: number
  readonly addedBytes: number
  readonly durationMs: number
  /** Of the head as it lies there now: a record speaks of one head only. */
  readonly headSha256: string
}

/** What one destination of a set told. */
export interface SetFacts {
  readonly snapshots: number
  /** When the oldest of them was begun; null: there is none. */
  readonly oldestMs: number | null
  readonly newest: NewestSnapshot | null
  /** Heads that are newer than it and cannot be read. */
  readonly unreadable: readonly { readonly key: string; readonly message: string }[]
  /** Snapshots that say they were made after now. */
  readonly ahead: readonly string[]
  /** The newest verification of any snapshot, at any level. */
  readonly verification: ObjectsRecord | null
  /** The newest one that failed, and that none which looked as closely has disproved since. */
  readonly failed: ObjectsRecord | null
  /** The newest one of the newest snapshot's content. */
  readonly ofNewest: ObjectsRecord | null
  /** How many of those that were looked at were not written by a holder of the key. */
  readonly refused: number
  /** What was looked at, to be remembered. */
  readonly known: readonly KnownObject[]
}

export interface ReadObjectsJob extends SnapshotPlace {
  readonly destination: string
  readonly keys: () => Promise<SealKeys>
  readonly memory: PlaceMemory
  readonly now: Date
}

/** As many records are read, where none of them looked at all of the newest snapshot. */
const mostRecords = 20

/** Reads a set in one destination: two listings of small things, the newest head, and records from the newest back. */
export async function readObjects(job: ReadObjectsJob, signal: AbortSignal): Promise<SetFacts> {
  const { store, product, set } = job
  const [heads, records] = await Promise.all([
    list(store.list(snapshotsPrefix(product, set), { signal })),
    list(store.list(recordsPrefix(product, set), { signal })),
  ])
  const snapshots = heads.flatMap(one => {
    const id = one.key.slice(snapshotsPrefix(product, set).length, -'.json'.length)
    const stampMs = isBackupId(id) && one.key === snapshotKey(product, set, id) ? readStamp(id) : undefined
    return stampMs === undefined ? [] : [{ ...known(one), id, stampMs }]
  })
  snapshots.sort((a, b) => (a.id < b.id ? 1 : -1))
  const newest = await newestOf(job, snapshots, signal)
  const listed = records.filter(({ key }) => isPast(recordStamp(product, set, key), job.now)).map(known)
  const proofs = await readProofs(job, newestFirst(listed), newest.newest, signal)
  return {
    ...{ snapshots: snapshots.length, oldestMs: snapshots.at(-1)?.stampMs ?? null, ...newest, ...proofs },
    known: [...snapshots, ...listed],
  }
}

/** What is listed and not there says nothing of the next time. */
function isThere(value: unknown): boolean {
  return value !== undefined
}

/** One from a clock that was ahead would stand for all that is due until then. */
function isPast(stamp: string | undefined, now: Date): boolean {
  const atMs = stamp === undefined ? undefined : readStamp(`${stamp}-`)
  return atMs !== undefined && atMs <= now.getTime() + clockToleranceMs
}

async function list(listing: AsyncIterable<StoredObject>): Promise<StoredObject[]> {
  const found: StoredObject[] = []
  for await (const one of listing) found.push(one)
  return found
}

function known({ key, sizeBytes, modifiedAt }: StoredObject): KnownObject {
  return { key, version: `${sizeBytes} ${modifiedAt.getTime()}` }
}

async function newestOf(
  job: ReadObjectsJob,
  listed: readonly (KnownObject & { readonly id: string; readonly stampMs: number })[],
  signal: AbortSignal,
): Promise<Pick<SetFacts, 'newest' | 'unreadable' | 'ahead'>> {
  const unreadable: { key: string; message: string }[] = []
  const ahead: string[] = []
  const latestMs = job.now.getTime() + clockToleranceMs
  for (const one of listed) {
    if (one.stampMs > latestMs) {
      ahead.push(one.id)
      continue
    }
    const read = await job.memory.remember(one, async () => digest(await readSnapshot(job, one.id, signal)), isThere)
    if (read === undefined) continue
    if ('message' in read) unreadable.push(read)
    else if (Date.parse(read.createdAt) > latestMs) ahead.push(read.id)
    else return { newest: read, unreadable, ahead }
  }
  return { newest: null, unreadable, ahead }
}

function digest(read: Awaited<ReturnType<typeof readSnapshot>>) {
  if (read === undefined || 'message' in read) return read
  const { id, createdAt, finishedAt, objects, plainBytes, missed, inventory, added } = read
  return {
    ...{ id, createdAt, objects, plainBytes, missed },
    storedBytes: inventory.contentBytes,
    addedBytes: added.storedBytes,
    durationMs: Math.max(0, Date.parse(finishedAt) - Date.parse(createdAt)),
    headSha256: hashSnapshot(read),
  }
}

const depths = { listed: 0, stored: 1, content: 2 } as const

/** An older snapshot says nothing of a newer one: a rotation records one old snapshot after the other. */
function disproves(passed: ObjectsRecord, failed: ObjectsRecord): boolean {
  if (passed.snapshotCreatedAt < failed.snapshotCreatedAt) return false
  return depths[passed.level] >= depths[failed.level] && passed.sample >= failed.sample
}

async function readProofs(
  job: ReadObjectsJob,
  listed: readonly KnownObject[],
  newest: NewestSnapshot | null,
  signal: AbortSignal,
): Promise<Pick<SetFacts, 'verification' | 'failed' | 'ofNewest' | 'refused'>> {
  const found: { verification: ObjectsRecord | null; failed: ObjectsRecord | null; ofNewest: ObjectsRecord | null } = {
    ...{ verification: null, failed: null, ofNewest: null },
  }
  const passed: ObjectsRecord[] = []
  let refused = 0
  for (const one of listed.slice(0, mostRecords)) {
    const record = await job.memory.remember(
      one,
      () => readObjectsRecord(job, one.key, job.keys, { keyOf: job.memory.keyOf, signal }),
      isThere,
    )
    if (record === 'refused') refused += 1
    if (record === 'refused' || record === undefined) continue
    if (isVerification(record)) found.verification ??= record
    const ofNewest = record.id === newest?.id && record.snapshotSha256 === newest.headSha256
    if (record.level === 'content' && ofNewest) found.ofNewest ??= record
    if (record.ok) passed.push(record)
    else if (!passed.some(one => disproves(one, record))) found.failed ??= record
    // Nothing before a look at all of the newest snapshot counts any more.
    if (record.level === 'content' && record.sample === 1 && ofNewest) break
  }
  return { ...found, refused }
}
