import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, parseCount } from '../command.js'
import { type DemoStep, runDemo } from '../demo/run-demo.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import { formatDuration, plural } from '../render/quantities.js'
import type { Session } from '../session.js'

interface Flags {
  readonly keep?: boolean
  readonly jobs?: number
}

export function defineDemo(program: Command, choose: Choose): void {
  addCommand(program, 'demo', 'back up, lose and restore a database on a throw-away server, and compare every table', [
    'lifeboat demo',
    'lifeboat demo --keep',
  ])
    .option('--keep', 'keep the folder with the backup and its keys')
    .option('--jobs <n>', 'how many connections the restore uses (default: 2)', parseCount)
    .action((flags: Flags) => choose(session => demo(session, flags)))
}

async function demo(session: Session, flags: Flags): Promise<CommandResult> {
  const { colours } = session
  const onStep = ({ step, detail, durationMs }: DemoStep) =>
    session.print(
      `${colours.green('done')}  ${step.padEnd(34)}  ${formatDuration(durationMs).padStart(8)}  ${colours.dim(oneLine(detail))}`,
    )
  const result = await runDemo({
    openLifeboat: session.io.openLifeboat,
    keep: flags.keep,
    jobs: flags.jobs,
    signal: session.signal,
    onStep,
    onEvent: event => {
      if (event.type === 'stage.progressed' || event.type === 'warning.raised') session.progress.onEvent(event)
    },
  })
  const { ok, differences, tables, rows, durationMs, folder } = result
  const verdict = ok
    ? colours.green(
        `proven: ${plural(tables, 'table')} with ${plural(rows, 'row')} came back the same, by count and by content, in ${formatDuration(durationMs)}`,
      )
    : colours.red(`NOT the same: ${plural(differences.length, 'difference')}`)
  return {
    status: ok ? exitStatus.done : exitStatus.damaged,
    document: result,
    lines: [
      ...differences.map(line => `  ${oneLine(line)}`),
      verdict,
      folder === null ? 'nothing of the demo is left behind' : `the backup and its keys are in ${folder}`,
    ],
  }
}
