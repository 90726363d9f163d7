import { throwIfCancelled } from '../errors/cancelled.js'
import type { EventListener } from '../events/backup-event.js'
import { noRetrieval } from '../retrieval/no-retrieval.js'
import { planRetrieval } from '../retrieval/plan-retrieval.js'
import type { Retrieval } from '../retrieval/retrieve-backup.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { openSpill, type Spill } from '../streams/spill.js'
import { contentArchived, contentUnderWay, tallyArchived } from './archived-summary.js'
import type { ContentMarks } from './content-marks.js'
import { type ArchivedContent, findArchived, lookAt } from './find-archived.js'
import { contentName, contentPrefix, parseContentName } from './object-layout.js'
import type { SnapshotPlace } from './snapshot.js'

/** Who reads content, and how it is brought back where it lies in an archive. */
export interface RetrievalJob extends SnapshotPlace {
  readonly destination: string
  /** Undefined: it is not. */
  readonly retrieve: Retrieval | undefined
  /** How less is asked for, where that can be, for the hint. */
  readonly less?: string | undefined
  readonly now: () => Date
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

/** How often a retrieval that takes hours is looked at. */
const pollMs = 60_000
const asksAtOnce = 16
const looksAtOnce = 16

/**
 * Makes needed content readable: asks for all of it that lies in an archive, and waits as long as `retrieve` says. What is
 * to be waited for lies in a temporary file meanwhile, however much it is.
 * @throws BackupError `object-archived` when it cannot be read (yet); the hint says what to do, and when to come back
 */
export async function retrieveContent(job: RetrievalJob, needed: ContentMarks): Promise<void> {
  const { retrieve, signal, now, emit } = job
  const waiting = await openSpill()
  try {
    const startedMs = now().getTime()
    const tally = tallyArchived()
    let expectedMs: number | undefined
    let asked = 0
    const ask = async (found: ArchivedContent) => {
      const step = retrieve === undefined ? 'wait' : planRetrieval(found.archive, retrieve, now())
      const answer = step === 'ask' || step === 'renew' ? await askFor(job, found.key) : undefined
      return { found, step, answer }
    }
    for await (const { found, step, answer } of orderedParallel(findArchived(job, needed, signal), asksAtOnce, ask)) {
      throwIfCancelled(signal)
      if (answer !== undefined) progress(emit, `${++asked} asked for`)
      if (step === 'ask' && typeof answer === 'number') expectedMs = Math.max(expectedMs ?? 0, answer)
      if (tally.add(found) && retrieve !== undefined) await waiting.append(contentName(found.run, found.number))
    }
    const { tier = 'standard' } = retrieve ?? {}
    const key = contentPrefix(job.product, job.set)
    // One for all of them: there may be a million.
    if (asked > 0) emit({ type: 'retrieval.requested', destination: job.destination, key, tier })
    const archived = tally.told()
    if (archived === null) return
    if (retrieve === undefined) throw contentArchived(archived, job.less)
    const untilMs = startedMs + (retrieve.waitMs ?? 0)
    if (await waitFor(job, waiting, untilMs))
      return emit({ type: 'step.finished', step: 'retrieve from the archive', durationMs: now().getTime() - startedMs })
    throw contentUnderWay(archived, expectedMs === undefined ? undefined : new Date(startedMs + expectedMs))
  } finally {
    await waiting.close()
  }
}

/** How long it mostly takes, in ms; null where the service does not say. */
async function askFor(job: RetrievalJob, key: string): Promise<number | null> {
  const { store, retrieve, signal } = job
  const { tier = 'standard', days = 3 } = retrieve ?? {}
  if (store.retrieve === undefined) throw noRetrieval(store)
  try {
    const { expectedMs } = await store.retrieve(key, { days, tier, signal })
    return expectedMs ?? null
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `ask for ${key}`, signal })
  }
}

/**
 * Walks through what is waited for, some at a time, and goes on when all of those are there: so each is looked at once,
 * and the first that is not there a minute apart. Whether all of them are, before the time is over.
 */
async function waitFor(job: RetrievalJob, waiting: Spill, untilMs: number): Promise<boolean> {
  const { now, sleep, signal, emit } = job
  let there = 0
  let group: string[] = []
  for await (const name of waiting.read()) {
    group.push(name)
    if (group.length < looksAtOnce) continue
    if (!(await waitForThese())) return false
  }
  return waitForThese()

  async function waitForThese(): Promise<boolean> {
    let left = group
    group = []
    for (;;) {
      throwIfCancelled(signal)
      const still = await Promise.all(left.map(name => isThere(name)))
      there += still.filter(Boolean).length
      left = left.filter((_, at) => !still[at])
      progress(emit, `${there} of ${waiting.lines} can be read`)
      if (left.length === 0) return true
      const leftMs = untilMs - now().getTime()
      if (leftMs <= 0) return false
      await sleep(Math.min(pollMs, leftMs), signal)
    }
  }

  async function isThere(name: string): Promise<boolean> {
    const { run, number } = parseContentName(name)!
    const found = await lookAt(job, run, number, signal)
    // A copy that came and went while others were waited for, or a request that the service lost.
    if (found?.archive.state === 'archived' && job.retrieve !== undefined && now().getTime() < untilMs)
      await askFor(job, found.key)
    return found === undefined || found.archive.state === 'readable'
  }
}

function progress(emit: EventListener, detail: string): void {
  emit({ type: 'stage.progressed', stage: 'retrieve', doneBytes: 0, totalBytes: null, detail })
}
