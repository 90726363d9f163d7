import { beginSession, encryptIn, type OpenMessage } from '../encryption/message-session.js'
import type { Lock } from '../encryption/open-pgp.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { EventListener } from '../events/backup-event.js'
import type { Sealer } from '../seal/seal.js'
import { compareKeys } from '../store/compare-keys.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { openSpill } from '../streams/spill.js'
import { ContentMarks } from './content-marks.js'
import { ContentWriter } from './content-writer.js'
import { publish, removeWhatWasStored } from './copy-objects.js'
import { smallObjectBytes } from './fetch-object.js'
import { type ContentPlace, entryLine, type ObjectEntry } from './object-entry.js'
import type { ObjectLockRule } from './plan-lock.js'
import { type ContentGroup, groupByContent, openGroup } from './read-content.js'
import { hashSnapshot, type Snapshot, type SnapshotPlace } from './snapshot.js'
import { encryptionOf, encryptionOfRun, sameEncryption } from './snapshot-encryption.js'
import { contentLine, readInventory, readListing } from './snapshot-files.js'

export interface RotateSnapshotJob extends SnapshotPlace {
  /** What is encrypted anew. */
  readonly snapshot: Snapshot
  /** The id of the new one. */
  readonly id: string
  /** One that opens with today's keys: what both hold is taken from it. */
  readonly built: Snapshot | undefined
  /** Opens the old one. */
  readonly open: OpenMessage
  /** Opens the listing of {@link built}. */
  readonly openListing: OpenMessage
  readonly lock: Lock
  readonly listingLock: Lock
  readonly sealer: Sealer
  readonly destination: string
  readonly storageClass: string | undefined
  /** As what `store` writes is locked. */
  readonly objectLock: ObjectLockRule | undefined
  readonly now: () => Date
  readonly random: (limit: number) => number
  readonly lockLeaseMs: number
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

const groupsAtOnce = 4

/** An entry, and where the new snapshot finds what it is, if that lies there already. */
interface Beside {
  readonly entry: ObjectEntry
  readonly place: ContentPlace | null | undefined
}

/** An entry with its place, or with a message that has none yet. */
type Anew =
  | { readonly entry: ObjectEntry; readonly message: null }
  | { readonly entry: ObjectEntry; readonly message: Buffer }

/**
 * Encrypts a snapshot anew, under a new session key, as a snapshot of its own with the date of the old one. Every object is
 * read, compared with its hash, and written again, but for those that one encrypted to today's keys has: they are
 * found by walking both listings side by side. Neither is held. What fails leaves nothing.
 * @throws BackupError `object-damaged`, `object-missing`, `wrong-key`, `key-missing`
 */
export async function rotateSnapshot(job: RotateSnapshotJob, signal: AbortSignal): Promise<Snapshot> {
  const { store, product, set, snapshot, id, built } = job
  const startedAt = job.now()
  const target = encryptionOf(job.lock)
  const session = await beginSession(job.lock)
  const entries = await openSpill()
  const stored = await openSpill()
  const marks = new ContentMarks()
  const counts = { added: 0, changed: 0, removed: 0, unchanged: 0, resumed: 0, vanished: 0, fetchedBytes: 0 }
  const writer = new ContentWriter({
    ...{ store, product, set, run: id },
    put: { signal, storageClass: job.storageClass },
    onStored: content => stored.append(contentLine(content)),
  })
  const progress = () =>
    job.emit({
      type: 'stage.progressed',
      stage: 'objects',
      doneBytes: counts.fetchedBytes,
      totalBytes: null,
      detail: `${entries.lines} of ${snapshot.objects} objects of ${snapshot.id} encrypted anew`,
    })
  try {
    for await (const group of orderedParallel(groups(), groupsAtOnce, readAnew)) {
      throwIfCancelled(signal)
      for (const { entry, message } of group) {
        const placed = message === null ? entry : { ...entry, content: await writer.append(message) }
        if (placed.content !== null) marks.mark(placed.content.run, placed.content.number)
        await entries.append(entryLine(placed))
      }
      progress()
    }
    await writer.close()
    const { objects, plainBytes, missed } = snapshot
    return await publish(
      { ...job, source: { location: snapshot.source }, prefix: snapshot.prefix },
      {
        ...{ run: id, startedAt, entries, stored, writer, counts, session, signal },
        gathered: { late: [], marks, objects, plainBytes, missed: [], missedCount: missed },
        async *taken() {
          if (built !== undefined) yield* readInventory(job, built, signal)
          yield* readInventory(job, snapshot, signal)
        },
        // Nothing else is in it.
        encryptionOfRun: () => target,
        more: {
          createdAt: snapshot.createdAt,
          previous: built?.id ?? null,
          rotatedFrom: { id: snapshot.id, headSha256: hashSnapshot(snapshot), at: job.now().toISOString() },
        },
      },
    )
  } catch (error) {
    await writer.settle()
    await removeWhatWasStored(job, id, writer.begun)
    throw wrapStoreError(error, { store, doing: `encrypt ${product}/${set}/${snapshot.id} anew`, signal })
  } finally {
    await Promise.all([entries.close(), stored.close()])
  }

  async function* groups(): AsyncGenerator<readonly Beside[]> {
    const before = built === undefined ? undefined : readListing(job, built, job.openListing, signal)
    let at = await before?.next()
    try {
      for await (const group of groupByContent(readListing(job, snapshot, job.open, signal))) {
        const beside: Beside[] = []
        for (const entry of group) {
          while (at && !at.done && compareKeys(at.value.key, entry.key) < 0) at = await before?.next()
          const same = at && !at.done && at.value.key === entry.key ? at.value : undefined
          beside.push({ entry, place: placeOf(entry, same) })
        }
        yield beside
      }
    } finally {
      await before?.return(undefined)
    }
  }

  /** Undefined: it has to be encrypted anew. */
  function placeOf({ content, sha256, sizeBytes }: ObjectEntry, same: ObjectEntry | undefined) {
    if (content === null) return null
    if (same?.sha256 === sha256 && same.sizeBytes === sizeBytes) return same.content
    const current = target.kind === 'recipients' && sameEncryption(encryptionOfRun(snapshot, content.run), target)
    return current ? content : undefined
  }

  async function readAnew(group: readonly Beside[]): Promise<readonly Anew[]> {
    const done: Anew[] = []
    const places = new Map(group.map(({ entry, place }) => [entry, place]))
    const read = await encryptGroup(group.flatMap(({ entry, place }) => (place === undefined ? [entry] : [])))
    for (const { entry } of group) {
      const place = places.get(entry)
      done.push(place === undefined ? read.get(entry)! : { entry: { ...entry, content: place }, message: null })
    }
    return done
  }

  async function encryptGroup(group: ContentGroup): Promise<Map<ObjectEntry, Anew>> {
    const done = new Map<ObjectEntry, Anew>()
    for await (const { entry, plain } of openGroup({ ...job, signal }, group)) {
      counts.added += 1
      counts.fetchedBytes += entry.sizeBytes
      const message = encryptIn(session, plain)
      if (entry.sizeBytes > smallObjectBytes) {
        const content = await writer.storeAlone(message, entry.sizeBytes)
        done.set(entry, { entry: { ...entry, content }, message: null })
        continue
      }
      const parts: Uint8Array[] = []
      for await (const part of message) parts.push(part)
      done.set(entry, { entry, message: Buffer.concat(parts) })
    }
    return done
  }
}
