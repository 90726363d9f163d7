import { setMaxListeners } from 'node:events'
import type { Lifeboat } from '../api/lifeboat-api.js'
import { type Job, kindOfJob } from '../config/jobs.js'
import type { JobSchedule } from '../config/schedule-schema.js'
import { BackupError } from '../errors/backup-error.js'
import { type BackupEvent, emitterFor } from '../events/backup-event.js'
import type { RunOutcome, RunStart } from '../notify/run-outcome.js'
import { type DueRun, planRuns, timesOf } from './plan-runs.js'
import { turnsFor } from './turns.js'
import { type ScheduleClock, systemClock } from './wait.js'

/** Never waits longer than this at a stretch: a machine that slept, or whose clock was set, notices soon. */
const longestWaitMs = 60_000

export type ScheduledToolkit = Pick<Lifeboat, 'products' | 'schedule' | 'lastDone' | 'runJob'> &
  Partial<Pick<Lifeboat, 'objectSchedules'>>

export interface RunScheduleOptions {
  /** Default: all that have a schedule. */
  readonly products?: readonly string[] | undefined
  /**
   * How many products are worked on at once; of one product it is always one job. As many of their sets of objects are
   * worked on besides: a first copy may take days. Default: 2.
   */
  readonly atOnce?: number | undefined
  /** How long runs may go on when `stop` aborts, in ms; then they are cancelled. Default: 20 s. */
  readonly stopWithinMs?: number | undefined
  /** Aborts when no more runs shall begin. */
  readonly stop: AbortSignal
  /** Aborts when runs shall be cancelled at once. */
  readonly cancel?: AbortSignal | undefined
  readonly onEvent?: ((product: string, event: BackupEvent) => void) | undefined
  /** Called, and waited for, around each run: where alerts are sent from. What they throw is a warning. */
  readonly report?:
    | {
        readonly started: (run: RunStart) => Promise<unknown>
        readonly finished: (outcome: RunOutcome) => Promise<unknown>
      }
    | undefined
  /** Told what each product does, whenever that changes. */
  readonly onState?: ((state: ProductState) => void) | undefined
  readonly clock?: ScheduleClock | undefined
}

/** What the scheduler does for a product, or for one of its sets of objects. */
export interface ProductState {
  readonly product: string
  /** Absent: the product itself. */
  readonly set?: string | undefined
  readonly running: { readonly job: Job; readonly dueAt: string; readonly startedAt: string } | null
  readonly next: { readonly job: Job; readonly at: string } | null
  /** The newest outcome of each job since the start. */
  readonly last: Readonly<Partial<Record<Job, RunOutcome>>>
}

/** What was done until it was stopped. */
export interface ScheduleEnd {
  readonly runs: number
  readonly failed: number
  readonly cancelled: number
}

/**
 * Does the products' work when it is due, until it is stopped. What was missed, by what the stores hold, is caught up
 * once. A run that fails does not end it.
 * @throws BackupError `config-invalid` when no product has a schedule
 */
export async function runSchedule(lifeboat: ScheduledToolkit, options: RunScheduleOptions): Promise<ScheduleEnd> {
  const lanes = (options.products ?? lifeboat.products)
    .flatMap((product): Lane[] => {
      const schedule = lifeboat.schedule(product)
      const sets = Object.entries(lifeboat.objectSchedules?.(product) ?? {})
      return [
        ...(schedule ? [{ product, schedule }] : []),
        ...sets.map(([set, schedule]) => ({ product, set, schedule })),
      ]
    })
    .filter(({ product, schedule }) => planRuns(product, schedule, {}, new Date(0)).next !== null)
  if (lanes.length === 0)
    throw new BackupError('config-invalid', 'no product has a schedule', {
      hint: "add one to the configuration, such as schedule: { backup: '0 2 * * *' }",
    })
  const { clock = systemClock(), stopWithinMs = 20_000 } = options
  const turnsOf = { product: turnsFor(options.atOnce ?? 2), set: turnsFor(options.atOnce ?? 2) }
  const end = { runs: 0, failed: 0, cancelled: 0 }
  const cancel = new AbortController()
  const giveUp = (reason: string) => cancel.abort(new BackupError('cancelled', reason))
  const over = new AbortController()
  const stopping = (async () => {
    await once(options.stop, over.signal)
    if (over.signal.aborted) return
    await clock.wait(stopWithinMs, AbortSignal.any([over.signal, options.cancel ?? over.signal]))
    giveUp('the scheduler was stopped')
  })()
  options.cancel?.addEventListener('abort', () => giveUp('cancelled'), { once: true })
  // A product that ends for a reason nobody thought of ends them all: an error is better than a silent stop.
  const failed = new AbortController()
  const stop = AbortSignal.any([options.stop, failed.signal, ...(options.cancel ? [options.cancel] : [])])
  // Each product listens to them.
  setMaxListeners(0, stop, cancel.signal)
  const ended = await Promise.allSettled(
    lanes.map(one =>
      keepSchedule(one).catch((error: unknown) => {
        failed.abort()
        throw error
      }),
    ),
  )
  over.abort()
  await stopping
  for (const one of ended) if (one.status === 'rejected') throw one.reason
  return end

  async function keepSchedule({ product, set, schedule }: Lane): Promise<void> {
    const turns = set === undefined ? turnsOf.product : turnsOf.set
    const emit = emitterFor(event => options.onEvent?.(product, event))
    const last: Partial<Record<Job, RunOutcome>> = {}
    const tell = (running: ProductState['running'], next: ReturnType<typeof planRuns>['next']) =>
      options.onState?.({
        product,
        ...(set === undefined ? {} : { set }),
        running,
        next: next && { job: next.job, at: next.at.toISOString() },
        last: { ...last },
      })
    const startedAt = clock.now()
    const handled = await turns.take(() => readHandled(product, schedule, startedAt, emit), stop)
    if (handled === undefined) return
    while (!stop.aborted) {
      const plan = planRuns(product, schedule, handled, clock.now())
      if (plan.due.length === 0) {
        tell(null, plan.next)
        await waitUntil(plan.next?.at ?? null)
      }
      for (const run of plan.due)
        await turns.take(async () => {
          handled[run.job] = run.dueAt
          const running = { job: run.job, dueAt: run.dueAt.toISOString(), startedAt: clock.now().toISOString() }
          tell(running, plan.next)
          const outcome = await runOne(product, run, emit)
          last[run.job] = outcome
          end.runs++
          if (outcome.result === 'cancelled') end.cancelled++
          else if (outcome.result !== 'ok') end.failed++
          const { due, next } = planRuns(product, schedule, handled, clock.now())
          tell(null, due[0] === undefined ? next : { job: due[0].job, at: due[0].dueAt })
        }, stop)
    }
  }

  async function waitUntil(at: Date | null): Promise<void> {
    for (let now = clock.now(); !stop.aborted && (at === null || now < at); ) {
      await clock.wait(at === null ? longestWaitMs : Math.min(longestWaitMs, at.getTime() - now.getTime()), stop)
      const before = now
      now = clock.now()
      // The clock was set back: what is next is another.
      if (now < before) return
    }
  }

  async function runOne(product: string, run: DueRun, emit: (event: BackupEvent) => void): Promise<RunOutcome> {
    const { job, dueAt, missed } = run
    const report = async (tell: (() => Promise<unknown>) | undefined) => {
      try {
        await tell?.()
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        emit({ type: 'warning.raised', message: `what became of the ${job} could not be reported: ${why}` })
      }
    }
    await report(options.report && (() => options.report!.started({ product, job })))
    const outcome = await lifeboat.runJob(product, job, { dueAt, missed, signal: cancel.signal, onEvent: emit })
    await report(options.report && (() => options.report!.finished(outcome)))
    return outcome
  }

  /** Until when each job is done, by what the stores hold. Where they cannot say, it is done again. */
  async function readHandled(
    product: string,
    schedule: JobSchedule,
    now: Date,
    emit: (event: BackupEvent) => void,
  ): Promise<Partial<Record<Job, Date>>> {
    const handled: Partial<Record<Job, Date>> = {}
    for (const { job } of timesOf(schedule)) {
      // No record tells of a prune, so what was due before the start is left to the next time.
      if (kindOfJob(job) === 'prune') {
        handled[job] = now
        continue
      }
      try {
        const done = await lifeboat.lastDone(product, job, { signal: cancel.signal, onEvent: emit })
        if (done !== undefined) handled[job] = done
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        emit({ type: 'warning.raised', message: `when the last ${job} was is not known: ${why}` })
      }
    }
    return handled
  }
}

/** What is done one after the other: the work of a product, and that of each of its sets beside it. */
interface Lane {
  readonly product: string
  readonly set?: string
  readonly schedule: JobSchedule
}

/** Resolves when one of the signals aborts. */
function once(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals])
  return new Promise(resolve => {
    if (any.aborted) resolve()
    else any.addEventListener('abort', () => resolve(), { once: true })
  })
}
