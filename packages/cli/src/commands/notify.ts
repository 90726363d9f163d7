import { resolve } from 'node:path'
import { type AlertDelivery, type AlertReport, directory } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import type { Session } from '../session.js'

export function defineNotify(program: Command, choose: Choose): void {
  const notify = addCommand(program, 'notify', 'tell people what changed, or try whether they can be told', [
    'lifeboat notify test',
    'lifeboat notify check',
  ])
  addCommand(
    notify,
    'check',
    'look at the status of products (default: all) and send what is new, worse, over, or due again',
    ['lifeboat notify check', 'lifeboat notify check shop --state /var/lib/lifeboat'],
  )
    .argument('[products...]', 'names from the configuration')
    .option(
      '--state <folder>',
      'remember there what was sent, not in the destinations: for a place that may only read them',
    )
    .action((products: string[], flags: { readonly state?: string }) =>
      choose(session => runCheck(session, products, flags.state)),
    )
  addCommand(
    notify,
    'test',
    'send a test message to every channel of products (default: all), and say what came back',
    ['lifeboat notify test', 'lifeboat notify test shop --channel slack'],
  )
    .argument('[products...]', 'names from the configuration')
    .option('--channel <name>', 'only this one')
    .action((products: string[], flags: { readonly channel?: string }) =>
      choose(session => runTest(session, products, flags.channel)),
    )
}

async function runCheck(session: Session, named: readonly string[], state: string | undefined): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  const memory = state === undefined ? undefined : directory(resolve(session.io.cwd, state))
  const report = await lifeboat.checkAlerts({ products, memory, signal: session.signal })
  return resultOf(session, report, 'nothing to tell')
}

async function runTest(
  session: Session,
  named: readonly string[],
  channel: string | undefined,
): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  return resultOf(session, await lifeboat.testAlerts({ products, channel, signal: session.signal }), 'nothing was sent')
}

function resultOf(session: Session, report: AlertReport, nothing: string): CommandResult {
  for (const warning of report.warnings) session.warn(warning)
  const ok = report.deliveries.every(one => one.ok)
  const lines = report.deliveries.flatMap(one => linesOf(one, session))
  return {
    status: ok ? exitStatus.done : exitStatus.damaged,
    document: { ok, ...report },
    lines: lines.length === 0 ? [nothing] : lines,
  }
}

function linesOf({ channel, title, products, ok, message, hint }: AlertDelivery, { colours }: Session): string[] {
  const verdict = ok ? colours.green('sent  ') : colours.red('FAILED')
  const of = products.length > 3 ? `${products.length} products` : products.join(', ')
  const line = `${verdict}  ${channel} (${of}): ${oneLine(title)}: ${oneLine(message)}`
  return hint === null ? [line] : [line, `        hint: ${oneLine(hint)}`]
}
