import { setMaxListeners } from 'node:events'
import { BackupError } from '../errors/backup-error.js'
import type { RunOutcome } from '../notify/run-outcome.js'
import { type ScheduleClock, systemClock } from '../schedule/wait.js'
import type { RunEnd, RunQueue, TakenRun } from './open-queue.js'

/** How long after somebody else's lock a run is tried again. */
const lockedAgainMs = 60_000
/** How long after another run that comes first. */
const postponedMs = 20_000

/** Does a run; or says why there is nothing to do, or that it is not its turn yet. */
export type Perform = (
  run: TakenRun,
  options: { readonly signal: AbortSignal },
) => Promise<RunOutcome | { readonly skipped: string } | { readonly postponed: string }>

export interface RunWorkerOptions {
  /** How many runs this process works at at once. Default: 2. */
  readonly atOnce?: number | undefined
  /** How long it waits when there was nothing to take, in ms. Default: 2 s. */
  readonly pollMs?: number | undefined
  /** How long runs may go on when `stop` aborts, in ms; then they are cancelled and put back. Default: 20 s. */
  readonly stopWithinMs?: number | undefined
  readonly lockedAgainMs?: number | undefined
  readonly stop: AbortSignal
  readonly cancel?: AbortSignal | undefined
  /** Adds what is due, now and every half minute. Default: this worker adds nothing. */
  readonly enqueue?: (() => Promise<unknown>) | undefined
  /** Called when a run was begun, or ended. */
  readonly onRun?: ((run: TakenRun, end: RunEnd | null | 'lost') => void) | undefined
  readonly onTrouble?: ((error: unknown) => void) | undefined
  readonly clock?: ScheduleClock | undefined
}

export interface WorkerEnd {
  readonly runs: number
  readonly failed: number
  /** Given back, or lost to another worker. */
  readonly unfinished: number
}

/**
 * Takes runs from the queue and does them, until it is stopped. Each is held by a lease that is renewed; who loses it
 * cancels what it does. A run that fails is tried again, by whoever takes it.
 */
export async function runWorker(queue: RunQueue, perform: Perform, options: RunWorkerOptions): Promise<WorkerEnd> {
  const { clock = systemClock(), atOnce = 2, pollMs = 2_000, stopWithinMs = 20_000, stop } = options
  const end = { runs: 0, failed: 0, unfinished: 0 }
  const over = new AbortController()
  const cancel = new AbortController()
  const ending = AbortSignal.any([stop, over.signal, ...(options.cancel ? [options.cancel] : [])])
  setMaxListeners(0, ending, cancel.signal, over.signal)
  const giveUp = () => cancel.abort(new BackupError('cancelled', 'the worker was stopped'))
  options.cancel?.addEventListener('abort', giveUp, { once: true })
  const limiting = (async () => {
    await aborted(ending)
    if (over.signal.aborted) return
    await clock.wait(stopWithinMs, AbortSignal.any([over.signal, ...(options.cancel ? [options.cancel] : [])]))
    giveUp()
  })()
  const tending = Promise.all([every(queue.leaseMs / 4, () => queue.expire()), every(30_000, options.enqueue)])
  await Promise.all(Array.from({ length: atOnce }, () => work()))
  over.abort()
  await Promise.all([limiting, tending])
  return end

  async function work(): Promise<void> {
    while (!ending.aborted) {
      const run = await queue.take().catch(trouble)
      if (run === undefined) await clock.wait(pollMs / 2 + Math.random() * pollMs, ending)
      else await attempt(run).catch(trouble)
    }
  }

  async function attempt(run: TakenRun): Promise<void> {
    options.onRun?.(run, null)
    const lost = new AbortController()
    const done = new AbortController()
    const signal = AbortSignal.any([cancel.signal, lost.signal])
    const renewing = keepLease(run, lost, done.signal)
    let result: RunEnd
    try {
      result = await attemptEnd(run, signal)
    } finally {
      done.abort()
      await renewing
    }
    const held = await queue.end(run, result).catch((error: unknown) => {
      // Nobody knows; the lease decides.
      trouble(error)
      return false
    })
    if (!held || result.kind === 'put-back') end.unfinished++
    else {
      end.runs++
      if (result.outcome.result !== 'ok') end.failed++
    }
    options.onRun?.(run, held ? result : 'lost')
  }

  async function attemptEnd(run: TakenRun, signal: AbortSignal): Promise<RunEnd> {
    const startedAt = clock.now().toISOString()
    const outcome = await perform(run, { signal }).catch((error: unknown): RunOutcome => {
      const message = error instanceof Error ? error.message : String(error)
      const failed = { what: 'failed', destination: null, severity: 'critical', code: 'unexpected' } as const
      const failures = [{ ...failed, message, hint: null }]
      const at = { startedAt, finishedAt: clock.now().toISOString() }
      return {
        product: run.product,
        job: run.job,
        ...at,
        result: 'failed',
        destinations: null,
        live: false,
        failures,
        summary: message,
      }
    })
    if ('postponed' in outcome) return { kind: 'put-back', afterMs: postponedMs, why: outcome.postponed }
    if ('skipped' in outcome) {
      const at = { startedAt, finishedAt: clock.now().toISOString() }
      const said = { destinations: null, live: false, failures: [], summary: outcome.skipped }
      return { kind: 'finished', outcome: { product: run.product, job: run.job, ...at, result: 'ok', ...said } }
    }
    if (outcome.result === 'cancelled') return { kind: 'put-back', afterMs: 0, why: 'the worker was stopped' }
    const locked = outcome.result === 'failed' && outcome.failures.some(({ code }) => code === 'locked')
    if (locked) return { kind: 'put-back', afterMs: options.lockedAgainMs ?? lockedAgainMs, why: outcome.summary }
    // What a verification found would be found again; only what could not be done is worth another attempt.
    const undone = outcome.result === 'failed' && outcome.failures.some(({ what }) => what === 'failed')
    return { kind: undone ? 'failed' : 'finished', outcome }
  }

  async function keepLease(run: TakenRun, lost: AbortController, done: AbortSignal): Promise<void> {
    let renewedAt = clock.now().getTime()
    for (;;) {
      await clock.wait(queue.leaseMs / 4, done)
      if (done.aborted) return
      const held = await queue.renew(run).catch((error: unknown) => {
        trouble(error)
        return undefined
      })
      if (held === true) renewedAt = clock.now().getTime()
      // A tenth ahead of its end nobody else can have it yet.
      else if (held === false || clock.now().getTime() - renewedAt > queue.leaseMs * 0.9)
        return lost.abort(new BackupError('locked', `another worker took the ${run.job} of ${run.product}`))
    }
  }

  async function every(periodMs: number, work: (() => Promise<unknown>) | undefined): Promise<void> {
    while (work !== undefined && !ending.aborted) {
      await work().catch(trouble)
      await clock.wait(periodMs, ending)
    }
  }

  function trouble(error: unknown): undefined {
    options.onTrouble?.(error)
    return undefined
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
