import type { Lifeboat } from '../api/lifeboat-api.js'
import { setOfJob } from '../config/jobs.js'
import type { BackupEvent } from '../events/backup-event.js'
import type { RunOutcome, RunStart } from '../notify/run-outcome.js'
import type { RunQueue, TakenRun } from './open-queue.js'
import type { Perform } from './run-worker.js'

/** A run that begins so much later than it was due is first compared with what the stores hold. */
const lateMs = 10 * 60_000

export interface PerformOptions {
  readonly now: () => Date
  readonly onEvent?: ((product: string, event: BackupEvent) => void) | undefined
  /** Called, and waited for, around each run. What they throw is dropped. */
  readonly report?:
    | {
        readonly started: (run: RunStart) => Promise<unknown>
        readonly finished: (outcome: RunOutcome) => Promise<unknown>
      }
    | undefined
}

/**
 * How a worker does a run with the toolkit. What is done already is not done again: by an attempt whose worker died after
 * it, or, for a run that comes late, by anybody.
 */
export function performWith(
  lifeboat: Pick<Lifeboat, 'products' | 'runJob' | 'isDone' | 'lastDone'> & Partial<Pick<Lifeboat, 'objectSets'>>,
  queue: Pick<RunQueue, 'isSuperseded' | 'awaitsBackup'>,
  options: PerformOptions,
): Perform {
  return async (run, { signal }) => {
    const { product, job, dueAt } = run
    if (!lifeboat.products.includes(product)) return { skipped: 'the configuration has no such product any more' }
    const set = setOfJob(job)
    if (set !== undefined && lifeboat.objectSets?.(product).includes(set.set) === false)
      return { skipped: 'the configuration has no such set of objects any more' }
    if (await queue.isSuperseded(run)) return { skipped: 'a later run of the same job is in the queue' }
    if (await doneAlready(run, signal)) return { skipped: 'it was done already' }
    // What looks at backups waits for the one that is to come; and a new product has none before it.
    if ((job === 'verify' || job === 'drill') && (await queue.awaitsBackup(product)))
      return { postponed: 'the backup of the product comes first' }
    if (set?.does === 'verify' && (await queue.awaitsBackup(product, `copy:${set.set}`)))
      return { postponed: `the copy of ${set.set} comes first` }
    // That nobody could be told must not keep a run from its work.
    await options.report?.started({ product, job }).catch(() => {})
    const onEvent = (event: BackupEvent) => options.onEvent?.(product, event)
    const outcome = await lifeboat.runJob(product, job, { dueAt, signal, onEvent })
    const again = outcome.result === 'cancelled' || outcome.failures.some(({ code }) => code === 'locked')
    if (!again) await options.report?.finished(outcome).catch(() => {})
    return outcome
  }

  async function doneAlready({ product, job, dueAt, attempt }: TakenRun, signal: AbortSignal): Promise<boolean> {
    try {
      if (attempt > 0 && (await lifeboat.isDone(product, job, dueAt, { signal }))) return true
      if (options.now().getTime() - dueAt.getTime() < lateMs) return false
      const done = await lifeboat.lastDone(product, job, { signal })
      return attempt === 0 && done !== undefined && done >= dueAt
    } catch {
      // What cannot be looked at is done again: one too many is better than one too few.
      return false
    }
  }
}
