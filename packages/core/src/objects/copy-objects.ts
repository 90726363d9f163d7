import type { ObjectCopy } from '../api/objects.js'
import { beginSession, type MessageSession } from '../encryption/message-session.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { withLocks } from '../locks/hold-locks.js'
import { newBackupId } from '../repository/layout.js'
import { compareKeys } from '../store/compare-keys.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { sharedSignal } from '../streams/shared-signal.js'
import { openSpill, type Spill } from '../streams/spill.js'
import { toolName, toolVersion } from '../tool-version.js'
import { assertReadable } from './assert-readable.js'
import { assertNotEmptied, assertSourceThere, notBuiltOn } from './assert-source.js'
import { CheckpointWriter, checkpointEvery } from './checkpoint-writer.js'
import { ContentMarks } from './content-marks.js'
import { ContentWriter } from './content-writer.js'
import { type CopyCounts, type CopyJob, setLock } from './copy-job.js'
import { SourceFailure } from './fetch-object.js'
import { type Gathered, gatherEntries } from './gather-entries.js'
import { keepLocked } from './keep-locked.js'
import { entryLine, type ObjectEntry, parseEntry } from './object-entry.js'
import { contentKey, inventoryKey, listingKey, snapshotKey } from './object-layout.js'
import { findLeftover, type Leftover, removeCheckpoints } from './resume-copy.js'
import { checkSnapshotSeal, readSnapshots, type Snapshot, sealSnapshot, snapshotFormat } from './snapshot.js'
import { encryptionOf, encryptionOfRun, olderContentOf } from './snapshot-encryption.js'
import {
  assertLength,
  contentLine,
  parseContent,
  readInventory,
  readListing,
  type StoredContent,
  writeLines,
} from './snapshot-files.js'
import { mergeSorted } from './sort-listing.js'

/**
 * Copies what is new or changed in a source into one destination, under the set's lock there, and writes a snapshot of all
 * of the source: the content first, then the listing, the head last. A run that fails removes what it stored, but for what
 * it wrote down for the next one (see {@link CheckpointWriter}).
 * @throws BackupError `locked`, and what source and destination throw
 */
export async function copyObjects(job: CopyJob): Promise<ObjectCopy> {
  const { product, set, destination, store, lockLeaseMs: leaseMs, now, emit } = job
  await assertSourceThere(job.source)
  const lock = { product, name: setLock(set), purpose: 'backup', stores: [{ name: destination, store }] } as const
  return withLocks({ ...lock, leaseMs, now, emit, signal: job.signal }, signal =>
    copyUnlocked(job, sharedSignal(signal)),
  )
}

async function copyUnlocked(job: CopyJob, signal: AbortSignal): Promise<ObjectCopy> {
  const { product, set, store } = job
  const startedAt = job.now()
  const run = newBackupId(startedAt, job.random)
  const previous = job.full ? undefined : await previousSnapshot(job, signal)
  const current = encryptionOf(job.lock)
  const leftover = await findLeftover(job, { previous, use: !job.full, signal })
  const checkpoints = new CheckpointWriter(job, { run, startedAt, signal })
  const entries = await openSpill()
  const stored = await openSpill()
  const session = await beginSession(job.lock)
  const counts: CopyCounts = {
    added: 0,
    changed: 0,
    removed: 0,
    unchanged: 0,
    resumed: 0,
    vanished: 0,
    fetchedBytes: 0,
  }
  const writer = new ContentWriter({
    ...{ store, product, set, run },
    // What is not in place is lost when the run is killed.
    packMessages: (job.checkpointEvery ?? checkpointEvery).objects,
    put: { signal, storageClass: job.storageClass },
    onStored: async content => {
      await stored.append(contentLine(content))
      checkpoints.stored(content)
    },
  })
  try {
    const before = withLeftover(leftover, entriesOf(job, previous, signal))
    const work = { entries, writer, checkpoints, session, counts, signal, previous: before }
    const gathered = await gatherEntries(job, work)
    assertNotEmptied(job, gathered.objects, previous)
    await writer.close()
    const snapshot = await publish(job, {
      ...{ run, startedAt, gathered, entries, stored, writer, counts, session, signal },
      async *taken() {
        if (previous !== undefined) yield* readInventory(job, previous, signal)
        yield* leftover.contents()
      },
      encryptionOfRun: of =>
        leftover.encryptionOfRun(of) ??
        (previous === undefined || of === run ? current : encryptionOfRun(previous, of)),
      more: { previous: previous?.id ?? null },
    })
    await removeCheckpoints(store, [...leftover.keys, ...checkpoints.keys])
    return {
      ...{ destination: job.destination, location: store.location, snapshot, ...counts, error: null },
      outcome: gathered.missedCount === 0 ? 'complete' : 'partial',
      storedBytes: writer.storedBytes,
      missed: gathered.missed,
    }
  } catch (error) {
    await writer.settle()
    await removeWhatWasStored(job, run, writer.begun, checkpoints.covered + 1)
    const cause = error instanceof SourceFailure ? error.error : error
    throw wrapStoreError(cause, { store, doing: `copy objects of ${product}/${set}`, signal })
  } finally {
    await Promise.all([entries.close(), stored.close(), checkpoints.close(), leftover.close()])
  }
}

/** What killed runs left comes before what the snapshot has of the same key: it is newer. */
async function* withLeftover({ entries }: Leftover, previous: AsyncIterable<ObjectEntry>): AsyncIterable<ObjectEntry> {
  if (entries.length === 0) return yield* previous
  yield* mergeSorted([...entries, previous], (a, b) => compareKeys(a.key, b.key))
}

/** The newest snapshot that this run may build on: one of ours, whose listing it can read. */
async function previousSnapshot(job: CopyJob, signal: AbortSignal): Promise<Snapshot | undefined> {
  const { snapshots } = await readSnapshots(job, signal)
  for (const snapshot of snapshots) {
    const verdict = await checkSnapshotSeal(snapshot, job.sealKeys)
    if (verdict === 'sound' || (verdict === 'unsealed' && job.sealKeys.expected === undefined)) return snapshot
    const message = `the snapshot ${snapshot.id} in ${job.destination} was not written by a holder of the key; it is passed over`
    job.emit({ type: 'warning.raised', message })
  }
  return undefined
}

async function* entriesOf(
  job: CopyJob,
  previous: Snapshot | undefined,
  signal: AbortSignal,
): AsyncIterable<ObjectEntry> {
  if (previous === undefined) return
  try {
    yield* readListing(job, previous, job.openListing, signal)
  } catch (error) {
    throw notBuiltOn(error, job)
  }
}

/** What a run has stored, and what becomes of it. */
export interface Publication {
  readonly run: string
  readonly startedAt: Date
  /** Content that was there before; what is not needed any more is left out. */
  readonly taken: () => AsyncIterable<StoredContent> | Iterable<StoredContent>
  readonly encryptionOfRun: (run: string) => Snapshot['encryption']
  /** What its head says besides. */
  readonly more: Pick<Snapshot, 'previous'> & Partial<Snapshot>
  readonly gathered: Gathered
  readonly entries: Spill
  readonly stored: Spill
  readonly writer: Pick<ContentWriter, 'storedBytes'>
  readonly counts: CopyCounts
  readonly session: MessageSession
  readonly signal: AbortSignal
}

/** The listing, the inventory and, last, the head that makes them a snapshot. */
export async function publish(
  job: Omit<CopyJob, 'source' | 'openListing' | 'sealKeys' | 'full' | 'storageClass'> & {
    readonly source: Pick<ObjectStore, 'location'>
  },
  done: Publication,
): Promise<Snapshot> {
  const { product, set, store } = job
  const { run, gathered, signal, counts, writer } = done
  const session = job.listingLock === job.lock ? done.session : await beginSession(job.listingLock)
  const listing = await writeLines(store, listingKey(product, set, run), listingLines(done), { session, signal })
  await assertReadable(store, listingKey(product, set, run), signal)
  const tally = { contents: 0, contentBytes: 0 }
  const lines = inventoryLines(job, done, tally)
  const inventory = await writeLines(store, inventoryKey(product, set, run), lines, { signal })
  if (tally.contents !== gathered.marks.count)
    throw notBuiltOn(
      new BackupError('object-damaged', 'its inventory does not name all content that its listing needs'),
      job,
    )
  const encryption = encryptionOf(job.lock)
  const olderContent = olderContentOf(
    [...gathered.marks.runs()].map(one => one.run),
    encryption,
    done.encryptionOfRun,
  )
  const snapshot = await sealSnapshot(
    {
      format: snapshotFormat,
      ...{ id: run, product, set },
      createdAt: done.startedAt.toISOString(),
      finishedAt: job.now().toISOString(),
      tool: { name: toolName, version: toolVersion },
      ...{ source: job.source.location, prefix: job.prefix },
      ...{ objects: gathered.objects, plainBytes: gathered.plainBytes, missed: gathered.missedCount },
      added: {
        objects: counts.added + counts.changed,
        plainBytes: counts.fetchedBytes,
        storedBytes: writer.storedBytes,
      },
      listing,
      inventory: { ...inventory, ...tally },
      encryption,
      ...(olderContent && { olderContent }),
      ...done.more,
      seal: null,
    },
    job.sealer,
  )
  throwIfCancelled(signal)
  const text = `${JSON.stringify(snapshot, null, 2)}\n`
  const key = snapshotKey(product, set, run)
  const head = await store.put(key, bytesOf(text), { ifAbsent: true, signal })
  assertLength(key, head.sizeBytes, Buffer.byteLength(text))
  return snapshot
}

async function* listingLines({ entries, gathered }: Publication): AsyncGenerator<string> {
  if (gathered.late.length === 0) return yield* entries.read()
  const late = gathered.late.map(entry => ({ key: entry.key, line: entryLine(entry) }))
  const byKey = (a: { key: string }, b: { key: string }) => compareKeys(a.key, b.key)
  for await (const { line } of mergeSorted([keyed(entries.read()), keyed(linesOf(late))], byKey)) yield line
}

async function* keyed(lines: AsyncIterable<string>) {
  for await (const line of lines) yield { key: parseEntry(line).key, line }
}

async function* linesOf(entries: readonly { readonly line: string }[]): AsyncGenerator<string> {
  for (const { line } of entries) yield line
}

/** What of the content before is still needed, and all that this run stored. */
async function* inventoryLines(
  job: Pick<CopyJob, 'store' | 'product' | 'set' | 'objectLock' | 'now'>,
  { taken, stored, run, startedAt, signal, gathered: { marks } }: Publication,
  tally: { contents: number; contentBytes: number },
): AsyncGenerator<string> {
  const told = new ContentMarks()
  async function* all() {
    yield* taken()
    for await (const line of stored.read()) yield parseContent(line, 'a temporary file')
  }
  async function* needed() {
    for await (const content of all())
      if (marks.has(content.run, content.number) && told.mark(content.run, content.number)) yield content
  }
  for await (const content of keepLocked(job, needed(), { run, startedAt, signal })) {
    tally.contents += 1
    tally.contentBytes += content.storedBytes
    yield contentLine(content)
  }
}

const removalsAtOnce = 8

/**
 * All that no checkpoint names: the next run takes over the rest. Whoever may not delete leaves it: without a head it is no
 * snapshot, and a prune removes it after a day.
 */
export async function removeWhatWasStored(
  { product, set, store, emit, objectLock }: Pick<CopyJob, 'product' | 'set' | 'store' | 'emit' | 'objectLock'>,
  run: string,
  contents: number,
  from = 1,
) {
  if (objectLock !== undefined) {
    // To remove what is locked would only hide it, and no prune would ever find it again.
    const message = `what the run ${run} stored is locked, and stays; a prune removes it once it is not any more`
    if (contents > 0) emit({ type: 'warning.raised', message })
    return
  }
  async function* keys() {
    yield listingKey(product, set, run)
    yield inventoryKey(product, set, run)
    for (let number = from; number <= contents; number++) yield contentKey(product, set, run, number)
  }
  try {
    // The head first: it may have come through although its answer was lost, and what it names must not go before it.
    await store.remove(snapshotKey(product, set, run))
    for await (const _ of orderedParallel(keys(), removalsAtOnce, key => store.remove(key)));
  } catch {
    const message = `what the run ${run} stored could not all be removed; a prune does, after a day`
    emit({ type: 'warning.raised', message })
  }
}
