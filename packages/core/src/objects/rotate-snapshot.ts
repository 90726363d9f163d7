import { beginSession, encryptIn, type OpenMessage } from '../encryption/message-session.js'
import type { Lock } from '../encryption/open-pgp.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { Sealer } from '../seal/seal.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { openSpill } from '../streams/spill.js'
import { ContentMarks } from './content-marks.js'
import { ContentWriter } from './content-writer.js'
import { publish, removeWhatWasStored } from './copy-objects.js'
import { smallObjectBytes } from './fetch-object.js'
import { marksOf, without } from './needed-content.js'
import { type ContentPlace, entryLine, type ObjectEntry } from './object-entry.js'
import type { ObjectLockRule } from './plan-lock.js'
import { type ContentGroup, groupByContent, openGroup } from './read-content.js'
import { rereading } from './rereading-store.js'
import type { RetrievalJob } from './retrieve-content.js'
import { hashSnapshot, type Snapshot } from './snapshot.js'
import { encryptionOf } from './snapshot-encryption.js'
import { contentLine, readInventory, readListing } from './snapshot-files.js'
import { type Built, isSamePlace, neededAnew, takenPlace, walkBeside } from './taken-place.js'

export interface RotateSnapshotJob extends RetrievalJob {
  /** What is encrypted anew. */
  readonly snapshot: Snapshot
  /** The id of the new one. */
  readonly id: string
  /** One that opens with today's keys: what both hold is taken from it. */
  readonly built: Built | undefined
  /** Opens the old one. */
  readonly open: OpenMessage
  readonly lock: Lock
  readonly listingLock: Lock
  readonly sealer: Sealer
  readonly storageClass: string | undefined
  /** As what `store` writes is locked. */
  readonly objectLock: ObjectLockRule | undefined
  readonly random: (limit: number) => number
  readonly lockLeaseMs: number
}

export interface SnapshotAnew {
  readonly snapshot: Snapshot
  /** Runs whose content takes the place of what the old one has, and that this one did not write. */
  readonly reliedOn: ReadonlySet<string>
}

const groupsAtOnce = 4

/** An entry, and where the new snapshot finds what it is, if that lies there already. */
interface Beside {
  readonly entry: ObjectEntry
  readonly place: ContentPlace | null | undefined
}

/** An entry with its place, or with a message that has none yet. */
interface Anew {
  readonly entry: ObjectEntry
  readonly message: Buffer | null
  /** Whether it was read, and not taken from where it lies. */
  readonly anew: boolean
}

/**
 * Encrypts a snapshot anew, under a new session key, as a snapshot of its own with the date of the old one. Every object is
 * read, compared with its hash, and written again, but for those that one encrypted to today's keys has: they are
 * found by walking both listings side by side. Neither is held. What fails leaves nothing.
 * @throws BackupError `object-damaged`, `object-missing`, `wrong-key`, `key-missing`
 */
export async function rotateSnapshot(job: RotateSnapshotJob, signal: AbortSignal): Promise<SnapshotAnew> {
  const { store, product, set, snapshot, id, built } = job
  const startedAt = job.now()
  const target = encryptionOf(job.lock)
  const session = await beginSession(job.lock)
  const entries = await openSpill()
  const stored = await openSpill()
  const marks = new ContentMarks()
  const reliedOn = new Set<string>()
  let done = 0
  const reading = rereading({ ...job, signal }, () => marksOf(without(neededAnew(job, job, built, signal), done)))
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
      done += group.filter(({ anew }) => anew).length
      progress()
    }
    await writer.close()
    const { objects, plainBytes, missed } = snapshot
    const made = await publish(
      { ...job, source: { location: snapshot.source }, prefix: snapshot.prefix },
      {
        ...{ run: id, startedAt, entries, stored, writer, counts, session, signal },
        gathered: { late: [], marks, objects, plainBytes, missed: [], missedCount: missed },
        async *taken() {
          if (built !== undefined) yield* readInventory(job, built.snapshot, signal)
          yield* readInventory(job, snapshot, signal)
        },
        // Nothing else is in it.
        encryptionOfRun: () => target,
        more: {
          createdAt: snapshot.createdAt,
          previous: built?.snapshot.id ?? null,
          rotatedFrom: { id: snapshot.id, headSha256: hashSnapshot(snapshot), at: job.now().toISOString() },
        },
      },
    )
    return { snapshot: made, reliedOn }
  } catch (error) {
    await writer.settle()
    await removeWhatWasStored(job, id, writer.begun)
    throw wrapStoreError(error, { store, doing: `encrypt ${product}/${set}/${snapshot.id} anew`, signal })
  } finally {
    await Promise.all([entries.close(), stored.close()])
  }

  async function* groups(): AsyncGenerator<readonly Beside[]> {
    const before = walkBeside(built && readListing(job, built.snapshot, built.open, signal))
    try {
      for await (const group of groupByContent(readListing(job, snapshot, job.open, signal))) {
        const beside: Beside[] = []
        for (const entry of group) {
          const place = takenPlace(entry, await before.find(entry.key), job)
          if (place && !isSamePlace(place, entry.content)) reliedOn.add(place.run)
          beside.push({ entry, place })
        }
        yield beside
      }
      await before.finish()
    } finally {
      await before.close()
    }
  }

  async function readAnew(group: readonly Beside[]): Promise<readonly Anew[]> {
    const done: Anew[] = []
    const places = new Map(group.map(({ entry, place }) => [entry, place]))
    const read = await encryptGroup(group.flatMap(({ entry, place }) => (place === undefined ? [entry] : [])))
    for (const { entry } of group) {
      const place = places.get(entry)
      done.push(
        place === undefined ? read.get(entry)! : { entry: { ...entry, content: place }, message: null, anew: false },
      )
    }
    return done
  }

  async function encryptGroup(group: ContentGroup): Promise<Map<ObjectEntry, Anew>> {
    const done = new Map<ObjectEntry, Anew>()
    for await (const { entry, plain } of openGroup({ ...job, store: reading, signal }, group)) {
      counts.added += 1
      counts.fetchedBytes += entry.sizeBytes
      const message = encryptIn(session, plain)
      if (entry.sizeBytes > smallObjectBytes) {
        const content = await writer.storeAlone(message, entry.sizeBytes)
        done.set(entry, { entry: { ...entry, content }, message: null, anew: true })
        continue
      }
      const parts: Uint8Array[] = []
      for await (const part of message) parts.push(part)
      done.set(entry, { entry, message: Buffer.concat(parts), anew: true })
    }
    return done
  }
}
