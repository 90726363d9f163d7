import { type Command, InvalidArgumentError } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import { formatCount, formatDuration, formatTime } from '../render/quantities.js'
import type { Session } from '../session.js'

interface Flags {
  readonly at?: Date
}

export function defineRehearse(program: Command, choose: Choose): void {
  addCommand(
    program,
    'rehearse',
    "rehearse the provider's point-in-time recovery: into a new instance, which is removed again",
    ['lifeboat rehearse shop', 'lifeboat rehearse shop --at 2026-11-21T02:00:00Z'],
  )
    .argument('<product>', 'a name from the configuration')
    .option('--at <time>', 'the instant, with its time zone (default: the newest there is)', parseInstant)
    .action((product: string, flags: Flags) => choose(session => runRehearse(session, product, flags)))
}

async function runRehearse(session: Session, named: string, { at }: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const [product] = session.chooseProducts(lifeboat, [named])
  const done = await lifeboat.rehearse(product!, { at, signal: session.signal, onEvent: session.progress.onEvent })
  const rows = done.tables.reduce((sum, table) => sum + table.rows, 0)
  return {
    status: exitStatus.done,
    document: done,
    lines: [
      `${product}: recovered to ${formatTime(done.plan.to)} in ${formatDuration(done.recoveryMs)}, and removed again (${done.instance})`,
      `${formatCount(done.tables.length)} critical tables with ${formatCount(rows)} rows`,
      ...done.notes.map(oneLine),
    ],
  }
}

function parseInstant(text: string): Date {
  const at = new Date(text)
  if (/(Z|[+-]\d\d:?\d\d)$/.test(text) && !Number.isNaN(at.getTime())) return at
  throw new InvalidArgumentError('Write a time with its zone, such as 2026-11-21T02:00:00Z.')
}
