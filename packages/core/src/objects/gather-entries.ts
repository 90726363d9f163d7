import type { MissedObject } from '../api/objects.js'
import type { MessageSession } from '../encryption/message-session.js'
import type { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { compareKeys } from '../store/compare-keys.js'
import type { StoredObject } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import type { Spill } from '../streams/spill.js'
import type { CheckpointWriter } from './checkpoint-writer.js'
import { type Change, compareListings } from './compare-listings.js'
import { ContentMarks } from './content-marks.js'
import type { ContentWriter } from './content-writer.js'
import type { CopyCounts, CopyJob } from './copy-job.js'
import { type Fetched, type FetchWork, failureOfOne, fetchObject } from './fetch-object.js'
import { entryLine, type ObjectEntry } from './object-entry.js'
import { listInOrder } from './sort-listing.js'

/** How many objects are read at once. */
export const readsAtOnce = 16
/** More objects that cannot be read end the run: then it is the source that cannot be. */
const mostDeferred = 10_000
const namedMissed = 100

/** An object that failed, and is tried once more when all others are done. */
interface Deferred {
  readonly key: string
  readonly previous: ObjectEntry | null
}

type Outcome =
  | { readonly kind: 'as-before'; readonly entry: ObjectEntry }
  | { readonly kind: 'fetched'; readonly fetched: Fetched }
  | { readonly kind: 'deferred'; readonly deferred: Deferred; readonly error: BackupError }
  | { readonly kind: 'nothing' }

/** What a run has gathered: entries in the order of their keys, but for those that came late. */
export interface Gathered {
  /** Few, and in the order of their keys. */
  readonly late: readonly ObjectEntry[]
  readonly marks: ContentMarks
  readonly objects: number
  readonly plainBytes: number
  readonly missed: readonly MissedObject[]
  readonly missedCount: number
}

/**
 * Walks the source beside the snapshot before, fetches what is new or changed, and writes down every entry. Neither listing
 * is held: what is in memory are the objects that are read at the moment, and those that failed and wait for a second try.
 */
export async function gatherEntries(
  job: CopyJob,
  work: {
    readonly previous: AsyncIterable<ObjectEntry>
    readonly entries: Spill
    readonly writer: ContentWriter
    readonly checkpoints: Pick<CheckpointWriter, 'add'>
    readonly session: MessageSession
    readonly counts: CopyCounts
    readonly signal: AbortSignal
  },
): Promise<Gathered> {
  const { source, prefix, emit } = job
  const { writer, session, counts, signal } = work
  const marks = new ContentMarks()
  const late: ObjectEntry[] = []
  const deferred: Deferred[] = []
  const missed: MissedObject[] = []
  let missedCount = 0
  let objects = 0
  let plainBytes = 0
  const progress = progressOf(emit, counts, () => objects)
  const fetching: FetchWork = {
    ...{ source, writer, session, signal },
    onBytes: count => {
      counts.fetchedBytes += count
      progress.soon()
    },
  }

  const changes = compareListings(listedSource(job, signal), work.previous)
  for await (const outcome of orderedParallel(changes, readsAtOnce, decide)) {
    throwIfCancelled(signal)
    if (outcome.kind === 'as-before') await keep(outcome.entry)
    else if (outcome.kind === 'fetched') {
      const entry = await placed(outcome.fetched)
      await keep(entry)
      await work.checkpoints.add(entry)
    } else if (outcome.kind === 'deferred') {
      if (deferred.length >= mostDeferred) throw outcome.error
      deferred.push(outcome.deferred)
      emit({ type: 'warning.raised', message: `${outcome.error.message}; it is tried again at the end` })
    }
  }
  await retryDeferred()
  progress.now()
  return { late, marks, objects, plainBytes, missed, missedCount }

  async function decide(change: Change): Promise<Outcome> {
    if (change.kind === 'removed') {
      // What a killed run fetched is in no snapshot yet.
      if (!change.previous.resumed) counts.removed += 1
      return { kind: 'nothing' }
    }
    const taken = change.kind === 'unchanged' && change.previous.resumed
    counts[taken ? 'resumed' : change.kind] += 1
    if (change.kind === 'unchanged') return { kind: 'as-before', entry: change.previous }
    const previous = change.kind === 'changed' ? change.previous : null
    return tryToFetch(change.found, previous)
  }

  async function tryToFetch(found: StoredObject, previous: ObjectEntry | null): Promise<Outcome> {
    try {
      throwIfCancelled(signal)
      return { kind: 'fetched', fetched: await fetchObject(fetching, found) }
    } catch (error) {
      const ofOne = failureOfOne(error)
      if (ofOne === undefined) throw error
      return { kind: 'deferred', deferred: { key: found.key, previous }, error: ofOne }
    }
  }

  async function placed({ entry, message }: Fetched): Promise<ObjectEntry> {
    return message === null ? entry : { ...entry, content: await writer.append(message) }
  }

  function note(entry: ObjectEntry): void {
    objects += 1
    plainBytes += entry.sizeBytes
    if (entry.content !== null) marks.mark(entry.content.run, entry.content.number)
    progress.soon()
  }

  async function keep(entry: ObjectEntry): Promise<void> {
    note(entry)
    await work.entries.append(entryLine(entry))
  }

  async function retryDeferred(): Promise<void> {
    for (const { key, previous } of deferred) {
      throwIfCancelled(signal)
      const outcome = await retryOne(key, previous)
      if (outcome === undefined) {
        // Whether it was new or changed, it is neither any more.
        counts[previous === null ? 'added' : 'changed'] -= 1
        counts.vanished += 1
        continue
      }
      if (outcome.kind === 'fetched') {
        const entry = await placed(outcome.fetched)
        note(entry)
        late.push(entry)
        continue
      }
      if (outcome.kind !== 'deferred') continue
      counts[previous === null ? 'added' : 'changed'] -= 1
      missedCount += 1
      const { message } = outcome.error
      if (missed.length < namedMissed) missed.push({ key, message, kept: previous !== null })
      emit({ type: 'warning.raised', message: `${message}; ${keptOrNot(previous)}` })
      if (previous === null) continue
      const entry = { ...previous, stale: true }
      note(entry)
      late.push(entry)
    }
    late.sort((a, b) => compareKeys(a.key, b.key))
  }

  /** Undefined: it is gone. */
  async function retryOne(key: string, previous: ObjectEntry | null): Promise<Outcome | undefined> {
    try {
      const found = await source.head(key, { signal })
      return found && (await tryToFetch(found, previous))
    } catch (error) {
      const wrapped = wrapStoreError(error, { store: source, doing: `look at ${key}`, signal })
      if (wrapped.code !== 'store-refused' && wrapped.code !== 'store-auth-failed') throw wrapped
      return { kind: 'deferred', deferred: { key, previous }, error: wrapped }
    }
  }

  async function* listedSource({ source }: CopyJob, signal: AbortSignal) {
    try {
      yield* listInOrder(source, prefix, { signal })
    } catch (error) {
      throw wrapStoreError(error, { store: source, doing: `list ${source.location}`, signal })
    }
  }
}

function keptOrNot(previous: ObjectEntry | null): string {
  return previous === null ? 'the snapshot is without it' : 'the snapshot has it as an earlier run did'
}

/** Milliseconds between two reports. */
const interval = 250

function progressOf(emit: CopyJob['emit'], counts: CopyCounts, objects: () => number) {
  let last = 0
  const now = () => {
    last = performance.now()
    const resumed = counts.resumed === 0 ? '' : `, ${counts.resumed} fetched by a run that was killed`
    const detail = `${objects()} objects, ${counts.unchanged} of them unchanged${resumed}`
    emit({ type: 'stage.progressed', stage: 'objects', doneBytes: counts.fetchedBytes, totalBytes: null, detail })
  }
  return {
    now,
    soon: () => {
      if (performance.now() - last > interval) now()
    },
  }
}
