import { createHealth, isJob, type Job, type ProductState, runSchedule, scheduledJobs } from '@lifeboat/core/schedule'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { addCommand, type Choose, type CommandResult, noNotifyOption, parseCount } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { parseDuration } from '../parse-duration.js'
import { formatDuration, plural } from '../render/quantities.js'
import { runLog } from '../render/run-log.js'
import { runReports } from '../reporting.js'
import { addHealthOptions, type HealthFlags, serveHealth } from '../serve-health.js'
import { handlersOf } from '../serve-status.js'
import type { Session } from '../session.js'
import { runJobs } from './run-jobs.js'

interface Flags extends HealthFlags {
  readonly job?: Job[]
  readonly atOnce: number
  readonly stopWithin: number
  readonly notify: boolean
}

const jobChoices = `${scheduledJobs.join(', ')}; of a set of objects copy:SET, verify:SET, prune:SET`

export function defineRun(program: Command, choose: Choose): void {
  const command = addCommand(
    program,
    'run',
    "do the products' work when their schedule says so, until this is stopped",
    [
      'lifeboat run',
      'lifeboat run --health-port 8080',
      'lifeboat run shop --stop-within 5m',
      'lifeboat run shop --job backup --job verify',
      'lifeboat run shop --job copy:uploads',
    ],
  )
    .argument('[products...]', 'names from the configuration (default: all that have a schedule)')
    .option('--at-once <n>', 'how many products are worked on at once (default: 2)', parseCount)
    .option(
      '--stop-within <duration>',
      'how long what runs may go on when this is stopped (default: 20s)',
      parseDuration,
    )
  command
    .addOption(noNotifyOption())
    .addOption(
      new Option(
        '--job <job>',
        `do this job once, now, and end, whatever the schedule says; repeatable (${jobChoices})`,
      ).argParser((job: string, before: Job[] | undefined) => [...(before ?? []), parseJob(job)]),
    )
  addHealthOptions(command).action((products: string[], flags: Partial<Flags> & { notify: boolean }) =>
    choose(session => run(session, products, { atOnce: 2, stopWithin: 20_000, healthHost: '127.0.0.1', ...flags })),
  )
}

async function run(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  if (flags.job !== undefined) return runJobs(session, lifeboat, products, flags.job, flags.notify)
  const log = runLog(session)
  const cancel = session.stopGently(stoppingWords(flags.stopWithin))
  const health = createHealth(session.now, session.signal)
  const served = await serveHealth(flags, await handlersOf(session, lifeboat, health.handler), log.say)
  const announced = new Map<string, string>()
  const onState = (state: ProductState) => {
    health.note(state)
    const { product, set, running, next } = state
    const lane = `${product}/${set ?? ''}`
    const comes = next !== null && next.at > session.now().toISOString()
    if (running !== null || !comes || session.signal.aborted || announced.get(lane) === next.at) return
    announced.set(lane, next.at)
    log.say(`${product}: next is ${next.job} at ${next.at.replace(/\.\d+Z$/, 'Z')}`)
  }
  try {
    const end = await runSchedule(lifeboat, {
      ...{ products, atOnce: flags.atOnce, stopWithinMs: flags.stopWithin },
      ...{ stop: session.signal, cancel, onEvent: log.onEvent, onState },
      report: flags.notify ? runReports(session, lifeboat) : undefined,
    })
    return {
      status: end.cancelled > 0 ? exitStatus.cancelled : exitStatus.done,
      document: { ...end, products: health.report().products },
      lines: [`stopped: ${plural(end.runs, 'run')}, ${end.failed} failed, ${end.cancelled} cancelled`],
    }
  } finally {
    await served?.close()
  }
}

/** What is said at the first Ctrl-C. */
export function stoppingWords(stopWithinMs: number): string {
  return `stopping: what runs may go on for ${formatDuration(stopWithinMs)}; press Ctrl-C again to cancel it at once`
}

function parseJob(text: string): Job {
  if (isJob(text)) return text
  throw new InvalidArgumentError(`Allowed choices are ${jobChoices}.`)
}
