import type { RunEnd, TakenRun } from '@lifeboat/core/queue'
import { createHealth, type Job, type ProductState, type RunOutcome, setOfJob } from '@lifeboat/core/schedule'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, noNotifyOption, parseCount } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { openRunQueue, queueOption } from '../open-run-queue.js'
import { parseDuration } from '../parse-duration.js'
import { describeError } from '../render/describe-error.js'
import { plural } from '../render/quantities.js'
import { runLog } from '../render/run-log.js'
import { runReports } from '../reporting.js'
import { addHealthOptions, type HealthFlags, serveHealth } from '../serve-health.js'
import { handlersOf } from '../serve-status.js'
import type { Session } from '../session.js'
import { stoppingWords } from './run.js'

interface Flags extends HealthFlags {
  readonly queue: string
  readonly atOnce: number
  readonly lease: number
  readonly stopWithin: number
  readonly enqueue: boolean
  readonly notify: boolean
}

export function defineWorker(program: Command, choose: Choose): void {
  const command = addCommand(
    program,
    'worker',
    "share the products' scheduled work with other machines, over a queue in a Postgres",
    [
      'lifeboat worker',
      'lifeboat worker --queue env:FLEET_QUEUE_URL --at-once 4 --health-port 8080',
      'lifeboat worker --no-enqueue',
    ],
  )
    .argument('[products...]', 'whose due work is added to the queue (default: all that have a schedule)')
    .addOption(queueOption())
    .option('--at-once <n>', 'how many runs this worker works at at once (default: 2)', parseCount)
    .option(
      '--lease <duration>',
      'how long a worker may be silent before another takes its run (default: 2m)',
      parseDuration,
    )
    .option(
      '--stop-within <duration>',
      'how long what runs may go on when this is stopped (default: 20s)',
      parseDuration,
    )
    .addOption(noNotifyOption())
    .option('--no-enqueue', 'only work; add nothing to the queue')
  addHealthOptions(command).action(
    (products: string[], flags: Partial<Flags> & { queue: string; enqueue: boolean; notify: boolean }) =>
      choose(session =>
        work(session, products, {
          ...{ atOnce: 2, lease: 120_000, stopWithin: 20_000, healthHost: '127.0.0.1' },
          ...flags,
        }),
      ),
  )
}

async function work(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  const log = runLog(session)
  const { now } = session
  let trouble = ''
  const onTrouble = (error: unknown) => {
    const { message } = describeError(error)
    // The same trouble comes every few seconds while it lasts.
    if (message !== trouble) session.warn(`the queue: ${message}`)
    trouble = message
  }
  const queue = await openRunQueue(session.io, flags.queue, { leaseMs: flags.lease, onTrouble })
  const cancel = session.stopGently(stoppingWords(flags.stopWithin))
  const health = createHealth(now, session.signal)
  const served = await serveHealth(flags, await handlersOf(session, lifeboat, health.handler, queue), log.say)
  const note = stateKeeper(health.note, now)
  const onRun = (run: TakenRun, end: RunEnd | null | 'lost') => {
    trouble = ''
    note(run, end)
    const name = `${run.product}: ${run.job} of ${run.dueAt.toISOString().replace(/\.\d+Z$/, 'Z')}`
    if (end === null && run.attempt > 0) log.say(`${name}: attempt ${run.attempt + 1}`)
    else if (end === 'lost') log.say(`${name} was taken over by another worker`)
    else if (end?.kind === 'put-back') log.say(`${name} goes back to the queue: ${end.why}`)
    else if (end?.kind === 'failed' && run.retryLeft) log.say(`${name} will be tried again`)
  }
  try {
    log.say(`working at the queue in ${queue.description}`)
    const { enqueueDue, performWith, runWorker } = await import('@lifeboat/core/queue')
    const report = flags.notify ? runReports(session, lifeboat) : undefined
    const enqueue = async () => {
      for (const { product, job, dueAt } of await enqueueDue(lifeboat, queue, products, now()))
        log.say(`${product}: ${job} added, due at ${dueAt.toISOString().replace(/\.\d+Z$/, 'Z')}`)
    }
    const end = await runWorker(queue, performWith(lifeboat, queue, { now, onEvent: log.onEvent, report }), {
      ...{ atOnce: flags.atOnce, stopWithinMs: flags.stopWithin, stop: session.signal, cancel },
      ...{ enqueue: flags.enqueue ? enqueue : undefined, onRun, onTrouble },
    })
    return {
      status: end.unfinished > 0 && session.signal.aborted && cancel.aborted ? exitStatus.cancelled : exitStatus.done,
      document: { ...end, products: health.report().products },
      lines: [`stopped: ${plural(end.runs, 'run')}, ${end.failed} failed, ${end.unfinished} left to others`],
    }
  } finally {
    await served?.close()
    await queue.close()
  }
}

/** Keeps for the health endpoint what runs, and what came of the last run of each job. */
function stateKeeper(note: (state: ProductState) => void, now: () => Date) {
  const last = new Map<string, Partial<Record<Job, RunOutcome>>>()
  return (run: TakenRun, end: RunEnd | null | 'lost') => {
    const { product, job, dueAt } = run
    const set = setOfJob(job)?.set
    const lane = `${product}/${set ?? ''}`
    const before = last.get(lane) ?? {}
    if (end !== null && end !== 'lost' && end.kind !== 'put-back') last.set(lane, { ...before, [job]: end.outcome })
    const running = end === null ? { job, dueAt: dueAt.toISOString(), startedAt: now().toISOString() } : null
    note({ product, ...(set === undefined ? {} : { set }), running, next: null, last: last.get(lane) ?? {} })
  }
}
