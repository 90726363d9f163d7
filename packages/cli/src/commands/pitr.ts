import { BackupError, type Lifeboat, type Recovered, type RecoveryGoal, type RecoveryPlan } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { canAsk } from '../confirm.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import { renderRecovered, renderRecoveryPlan, restorePointLine, windowLine } from '../render/recovery-lines.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

interface Flags {
  readonly at?: string
  readonly backup?: string
  readonly resume?: boolean
  readonly yes?: boolean
}

export function definePitr(program: Command, choose: Choose): void {
  const pitr = addCommand(program, 'pitr', "the provider's own recovery: to an instant, or to one of its backups", [
    'lifeboat pitr window shop',
    'lifeboat pitr restore shop --at 2026-11-21T11:58:00Z',
    'lifeboat pitr restore shop --resume',
    'lifeboat pitr mark shop before-migration',
    'lifeboat pitr undo shop before-migration',
  ])
  addCommand(pitr, 'window', 'the instants that the provider can go back to', ['lifeboat pitr window shop'])
    .argument('<product>', 'a name from the configuration')
    .action((product: string) => choose(session => showWindow(session, product)))
  addCommand(
    pitr,
    'restore',
    'recover with the provider’s own means, after showing the plan, and follow it to its end',
    [
      'lifeboat pitr restore shop --at 2026-11-21T11:58:00Z',
      'lifeboat pitr restore shop --backup 123456',
      'lifeboat pitr restore shop --resume',
    ],
  )
    .argument('<product>', 'a name from the configuration')
    .option('--at <time>', 'the instant, with its zone: 2026-11-21T11:58:00Z')
    .option('--backup <id>', "one of the provider's backups: lifeboat list --provider")
    .option('--resume', 'follow the recovery that an earlier run began; sends nothing')
    .option('--yes', 'do not ask')
    .action((product: string, flags: Flags) => choose(session => runRestore(session, product, flags)))
  addCommand(
    pitr,
    'mark',
    'make a restore point: give the present moment a name, and wait until one can go back to it',
    ['lifeboat pitr mark shop before-migration'],
  )
    .argument('<product>', 'a name from the configuration')
    .argument('<name>', 'the name; Supabase takes 20 characters')
    .action((product: string, name: string) => choose(session => mark(session, product, name)))
  addCommand(pitr, 'undo', 'go back to a restore point, after showing the plan, and follow it to its end', [
    'lifeboat pitr undo shop before-migration',
    'lifeboat pitr restore shop --resume',
  ])
    .argument('<product>', 'a name from the configuration')
    .argument('[name]', 'the restore point (default: the newest)')
    .option('--yes', 'do not ask')
    .action((product: string, name: string | undefined, flags: { yes?: boolean }) =>
      choose(session => undo(session, product, name, flags.yes === true)),
    )
  addCommand(pitr, 'forget', 'remove the note of a recovery of which nobody knows any more; changes nothing else', [
    'lifeboat pitr forget shop',
  ])
    .argument('<product>', 'a name from the configuration')
    .action((product: string) => choose(session => forget(session, product)))
}

async function showWindow(session: Session, named: string): Promise<CommandResult> {
  const { lifeboat, product } = await open(session, named)
  const window = await lifeboat.recoveryWindow(product, { signal: session.signal })
  return { status: exitStatus.done, document: { product, ...window }, lines: [windowLine(window)] }
}

async function runRestore(session: Session, named: string, flags: Flags): Promise<CommandResult> {
  const goal = goalOf(flags)
  const { lifeboat, product } = await open(session, named)
  const options = { signal: session.signal, onEvent: session.progress.onEvent }
  if (goal === undefined) {
    const recovered = await lifeboat.resumeRecovery(product, options)
    if (recovered !== undefined) return answer(session, product, recovered)
    throw new BackupError('backup-missing', `no recovery of ${product} is under way`, {
      hint: 'begin one with --at TIME or --backup ID',
    })
  }
  return recover(session, lifeboat, product, goal, flags.yes === true)
}

/** Shows the plan, asks, sends it and follows it. */
async function recover(
  session: Session,
  lifeboat: Lifeboat,
  product: string,
  goal: RecoveryGoal,
  yes: boolean,
): Promise<CommandResult> {
  const options = { signal: session.signal, onEvent: session.progress.onEvent }
  const plan = await lifeboat.planRecovery(product, goal, options)
  for (const line of renderRecoveryPlan(plan)) session.say(line)
  for (const warning of plan.warnings) session.warn(warning)
  if (!yes) await confirm(session, plan)
  return answer(session, product, await lifeboat.recover(product, plan, options))
}

async function mark(session: Session, named: string, name: string): Promise<CommandResult> {
  const { lifeboat, product } = await open(session, named)
  const options = { signal: session.signal, onEvent: session.progress.onEvent }
  const point = await lifeboat.makeRestorePoint(product, name, options)
  return {
    status: exitStatus.done,
    document: { product, ...point },
    lines: [oneLine(`${restorePointLine(point)}; go back to it with: lifeboat pitr undo ${product} ${point.name}`)],
  }
}

async function undo(session: Session, named: string, name: string | undefined, yes: boolean): Promise<CommandResult> {
  const { lifeboat, product } = await open(session, named)
  const { backup } = await lifeboat.restorePoint(product, { name, signal: session.signal })
  return recover(session, lifeboat, product, { backup }, yes)
}

/** What is asked for; undefined for `--resume`. */
function goalOf({ at, backup, resume }: Flags): RecoveryGoal | undefined {
  const given = [at, backup, resume].filter(one => one !== undefined).length
  if (given !== 1)
    throw new UsageError('give one of --at TIME, --backup ID and --resume', 'see: lifeboat pitr restore --help')
  if (backup !== undefined) return { backup }
  if (at === undefined) return undefined
  // A time without its zone would be read in the zone of whoever types it, and an hour off is another database.
  const written = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i.test(at)
  const instant = written ? new Date(at.replace(' ', 'T').replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) : undefined
  if (instant === undefined || Number.isNaN(instant.getTime()))
    throw new UsageError(`not an instant: ${JSON.stringify(at)}`, 'write it with its zone: 2026-11-21T11:58:00Z')
  return { at: instant }
}

async function confirm(session: Session, plan: RecoveryPlan): Promise<void> {
  if (!canAsk(session.io))
    throw new UsageError(
      'a recovery must be confirmed, and there is no terminal to ask on',
      'read the plan above, then add --yes',
    )
  session.progress.pause()
  const typed = await session.prompts.text(`Type ${plan.confirmation} to go on:`)
  if (typed?.trim() !== plan.confirmation || session.signal.aborted)
    throw new BackupError('cancelled', 'cancelled: nothing was sent')
}

async function forget(session: Session, named: string): Promise<CommandResult> {
  const { lifeboat, product } = await open(session, named)
  const forgotten = await lifeboat.forgetRecovery(product, { signal: session.signal })
  return {
    status: exitStatus.done,
    document: { product, forgotten },
    lines: [
      forgotten ? `the note of a recovery of ${product} is gone` : `there was no note of a recovery of ${product}`,
    ],
  }
}

function answer(session: Session, product: string, recovered: Recovered): CommandResult {
  return {
    status: exitStatus.done,
    document: { product, ...recovered },
    lines: renderRecovered(recovered, session.colours),
  }
}

async function open(session: Session, named: string) {
  const lifeboat = await session.open()
  const [product] = session.chooseProducts(lifeboat, [named])
  return { lifeboat, product: product! }
}
