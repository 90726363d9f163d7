import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { isBackupId } from '../repository/layout.js'
import { rememberingKey } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { removeForGood } from '../store/remove-for-good.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { readWhole } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { openSpill, type Spill } from '../streams/spill.js'
import { type Checkpoint, checkCheckpointSeal, maxCheckpointBytes, parseCheckpoint } from './checkpoint.js'
import { readContentLengths } from './content-lengths.js'
import { ContentMarks } from './content-marks.js'
import type { CopyJob } from './copy-job.js'
import { type ObjectEntry, parseEntry } from './object-entry.js'
import { checkpointKey, checkpointListKey, checkpointsPrefix } from './object-layout.js'
import type { Snapshot } from './snapshot.js'
import { contentLine, parseContent, readListLines, type StoredContent } from './snapshot-files.js'

type ResumeJob = Pick<CopyJob, 'product' | 'set' | 'store' | 'openListing' | 'sealKeys' | 'emit' | 'now'>

/** So many runs in a row that were killed are taken over, the newest of them. */
const mostRuns = 16

/** What killed runs left, for the run that takes it over. */
export interface Leftover {
  /** Entries of each run in the order of their keys, those of the newest run first. */
  readonly entries: readonly AsyncIterable<ObjectEntry>[]
  /** What of their content was met so far in {@link entries}. */
  readonly contents: () => AsyncIterable<StoredContent>
  encryptionOfRun(run: string): Snapshot['encryption'] | undefined
  /** All checkpoints that were there at the beginning. */
  readonly keys: readonly string[]
  close(): Promise<void>
}

/**
 * Finds what runs left that were killed after the snapshot before: checkpoints with a seal of ours, read one after the other,
 * each only once its end is proven; and of what they name what lies there with its length.
 */
export async function findLeftover(
  job: ResumeJob,
  {
    previous,
    use,
    signal,
  }: { readonly previous: Snapshot | undefined; readonly use: boolean; readonly signal: AbortSignal },
): Promise<Leftover> {
  const { store, product, set } = job
  const found = await listCheckpoints(job, signal)
  const contents = await openSpill()
  const encryptions = new Map<string, Snapshot['encryption']>()
  const keyOf = rememberingKey()
  const runs = use ? [...found.runs].sort(([a], [b]) => (a < b ? 1 : -1)).slice(0, mostRuns) : []
  return {
    entries: runs.map(([run, numbers]) => entriesOfRun(run, numbers)),
    async *contents() {
      for await (const line of contents.read()) yield parseContent(line, 'a temporary file')
    },
    encryptionOfRun: run => encryptions.get(run),
    keys: found.keys,
    close: () => contents.close(),
  }

  async function* entriesOfRun(run: string, numbers: ReadonlySet<number>): AsyncGenerator<ObjectEntry> {
    let lengths: Awaited<ReturnType<typeof readContentLengths>> | undefined
    const lost = new ContentMarks()
    for (let number = 1; numbers.has(number); number++) {
      const checkpoint = await readOurs(run, number)
      if (checkpoint === undefined || !isAfter(checkpoint, previous)) return
      lengths ??= await readContentLengths(job, signal, run)
      encryptions.set(run, checkpoint.encryption)
      const lines = await provenLines(job, checkpoint, signal)
      if (lines === undefined) return
      try {
        for await (const line of lines.read()) {
          if (!line.startsWith('{"key"')) {
            const content = parseContent(line, checkpointListKey(product, set, run, number))
            if (content.run !== run) continue
            // Taken away since then, by whomever: it is fetched again.
            if (lengths.of(run, content.number) === content.storedBytes) await contents.append(contentLine(content))
            else lost.mark(run, content.number)
            continue
          }
          const entry = parseEntry(line)
          const here = entry.content === null || (entry.content.run === run && !lost.has(run, entry.content.number))
          if (here) yield { ...entry, resumed: true }
        }
      } finally {
        await lines.close()
      }
    }
  }

  async function readOurs(run: string, number: number): Promise<Checkpoint | undefined> {
    const key = checkpointKey(product, set, run, number)
    try {
      const checkpoint = parseCheckpoint(await readWhole(store.get(key, { signal }), maxCheckpointBytes))
      const same = checkpoint?.product === product && checkpoint.set === set
      if (!same || checkpoint.run !== run || checkpoint.number !== number)
        return passedOver(job, key, 'it is none of this set')
      const verdict = await checkCheckpointSeal(checkpoint, job.sealKeys, keyOf)
      if (verdict === 'sound' || (verdict === 'unsealed' && job.sealKeys.expected === undefined)) return checkpoint
      return passedOver(job, key, 'it was not written by a holder of the key')
    } catch (error) {
      throwIfCancelled(signal)
      if (error instanceof RangeError) return passedOver(job, key, 'it is too large')
      return passedOver(job, key, wrapStoreError(error, { store, doing: `read ${key}`, signal }).message)
    }
  }
}

const removalsAtOnce = 8

/** There is a snapshot now. Whoever may not delete leaves them: nobody looks at them any more, and a prune removes them. */
export async function removeCheckpoints(store: ObjectStore, keys: readonly string[]): Promise<void> {
  async function* each() {
    yield* keys
  }
  try {
    for await (const _ of orderedParallel(each(), removalsAtOnce, key => removeForGood(store, key, {})));
  } catch {
    // Said above.
  }
}

function isAfter({ createdAt }: Checkpoint, previous: Snapshot | undefined): boolean {
  return previous === undefined || createdAt > previous.createdAt
}

function passedOver({ emit }: ResumeJob, key: string, why: string): undefined {
  emit({ type: 'warning.raised', message: `what a killed run left is passed over from ${key} on: ${why}` })
}

/** The lines of a checkpoint, on the disk; undefined when they are not what its head names. */
async function provenLines(job: ResumeJob, checkpoint: Checkpoint, signal: AbortSignal): Promise<Spill | undefined> {
  const { store, product, set, openListing } = job
  const key = checkpointListKey(product, set, checkpoint.run, checkpoint.number)
  const lines = await openSpill()
  try {
    for await (const line of readListLines(store, key, checkpoint.list, openListing, signal)) await lines.append(line)
    return lines
  } catch (error) {
    await lines.close()
    throwIfCancelled(signal)
    if (!isBackupError(error)) throw error
    return passedOver(job, key, error.message)
  }
}

/** Which checkpoints are there; what is not named like one is passed over. */
async function listCheckpoints({ store, product, set }: ResumeJob, signal: AbortSignal) {
  const prefix = checkpointsPrefix(product, set)
  const runs = new Map<string, Set<number>>()
  const keys: string[] = []
  try {
    for await (const { key } of store.list(prefix, { signal })) {
      const [run = '', name = ''] = key.slice(prefix.length).split('/')
      const [, digits, kind] = /^(\d{8})\.(json|ndjson\.gz\.gpg)$/.exec(name) ?? []
      if (!isBackupId(run) || digits === undefined) continue
      keys.push(key)
      if (kind !== 'json') continue
      const numbers = runs.get(run) ?? new Set()
      runs.set(run, numbers.add(Number(digits)))
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${prefix}`, signal })
  }
  return { runs, keys }
}
