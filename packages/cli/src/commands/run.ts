import { createHealth, type ProductState, runSchedule } from '@lifeboat/core/schedule'
import { type Command, InvalidArgumentError } from 'commander'
import { addCommand, type Choose, type CommandResult, parseCount } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { plural, formatDuration as spoken } from '../render/quantities.js'
import { runLog } from '../render/run-log.js'
import { type Handler, serveHandlers } from '../serve-handlers.js'
import type { Session } from '../session.js'

interface Flags {
  readonly atOnce: number
  readonly stopWithin: number
  readonly healthPort?: number
  readonly healthHost: string
}

export function defineRun(program: Command, choose: Choose): void {
  addCommand(program, 'run', "do the products' work when their schedule says so, until this is stopped", [
    'lifeboat run',
    'lifeboat run --health-port 8080',
    'lifeboat run shop --stop-within 5m',
  ])
    .argument('[products...]', 'names from the configuration (default: all that have a schedule)')
    .option('--at-once <n>', 'how many products are worked on at once', parseCount, 2)
    .option('--stop-within <duration>', 'how long what runs may go on when this is stopped', parseMs, 20_000)
    .option('--health-port <port>', 'answer /healthz there (default: no endpoint)', parsePort)
    .option('--health-host <host>', 'the address to listen on', '127.0.0.1')
    .action((products: string[], flags: Flags) => choose(session => run(session, products, flags)))
}

async function run(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  const log = runLog(session)
  const within = spoken(flags.stopWithin)
  const cancel = session.stopGently(
    `stopping: what runs may go on for ${within}; press Ctrl-C again to cancel it at once`,
  )
  const health = createHealth(session.now, session.signal)
  const handlers: Record<string, Handler> = { '/healthz': health.handler }
  const served =
    flags.healthPort === undefined
      ? undefined
      : await serveHandlers(handlers, { host: flags.healthHost, port: flags.healthPort })
  if (served !== undefined) log.say(`health at ${served.address}/healthz`)
  const announced = new Map<string, string>()
  const onState = (state: ProductState) => {
    health.note(state)
    const { product, running, next } = state
    const comes = next !== null && next.at > session.now().toISOString()
    if (running !== null || !comes || session.signal.aborted || announced.get(product) === next.at) return
    announced.set(product, next.at)
    log.say(`${product}: next is ${next.job} at ${next.at.replace(/\.\d+Z$/, 'Z')}`)
  }
  try {
    const end = await runSchedule(lifeboat, {
      ...{ products, atOnce: flags.atOnce, stopWithinMs: flags.stopWithin },
      ...{ stop: session.signal, cancel, onEvent: log.onEvent, onState },
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

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Write a port number, from 0 (any that is free) to 65535.')
}

function parseMs(text: string): number {
  const match = /^(\d{1,6})(s|m|h)$/.exec(text)
  if (match) return Number(match[1]) * { s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h']
  throw new InvalidArgumentError('Write a duration such as 20s, 5m or 1h.')
}
