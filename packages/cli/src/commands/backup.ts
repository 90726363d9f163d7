import { type BackupOptions, type BackupResult, isBackupError, type Lifeboat } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, noNotifyOption, parseLabel } from '../command.js'
import { combinedStatus, type ExitStatus, exitStatus, exitStatusOf } from '../exit-status.js'
import { renderBackup } from '../render/backup-lines.js'
import { describeError, type ErrorDocument } from '../render/describe-error.js'
import { startReport } from '../reporting.js'
import type { Session } from '../session.js'

interface Flags {
  readonly reason?: string
  readonly label?: Readonly<Record<string, string>>
  readonly to?: readonly string[]
  readonly notify: boolean
}

interface Failure {
  readonly product: string
  readonly error: ErrorDocument
  readonly status: ExitStatus
}

export function defineBackup(program: Command, choose: Choose): void {
  addCommand(program, 'backup', 'back up products (default: all of them) to every destination', [
    'lifeboat backup',
    'lifeboat backup shop --reason pre-deploy --label commit=4f2a1c9',
    'lifeboat backup shop --json > backup.json',
  ])
    .argument('[products...]', 'names from the configuration')
    .option('--reason <text>', 'why this backup is made (default: manual)')
    .option('--label <key=value>', 'a label to keep with the backup; repeatable', parseLabel)
    .option('--to <name>', 'exactly this destination, due or not; repeatable (default: all that are due)', collect)
    .addOption(noNotifyOption())
    .action((products: string[], flags: Flags) => choose(session => runBackups(session, products, flags)))
}

async function runBackups(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const options = {
    reason: flags.reason,
    labels: flags.label,
    to: flags.to,
    signal: session.signal,
    onEvent: session.progress.onEvent,
  }
  const done: BackupResult[] = []
  const failures: Failure[] = []
  for (const product of session.chooseProducts(lifeboat, named)) {
    const outcome = await backUp(session, lifeboat, product, options, flags.notify)
    if ('error' in outcome) failures.push(outcome)
    else done.push(outcome)
  }
  const statuses = done.map(result => (result.status === 'complete' ? exitStatus.done : exitStatus.partial))
  const status = combinedStatus([...statuses, ...failures.map(failure => failure.status)])
  return {
    status,
    document: documentOf(status, done, failures),
    lines: done.flatMap(result => renderBackup(result, session.colours)),
  }
}

function collect(name: string, names: readonly string[] = []): string[] {
  return [...names, name]
}

/** One product; a failure is reported and kept, so that the next product gets its turn. Cancelling ends them all. */
async function backUp(
  session: Session,
  lifeboat: Lifeboat,
  product: string,
  options: BackupOptions,
  notify: boolean,
): Promise<BackupResult | Failure> {
  const endReport = await startReport(session, lifeboat, { product, job: 'backup' }, notify)
  try {
    const done = await lifeboat.backup(product, options)
    await endReport([{ done }])
    return done
  } catch (error) {
    if (session.signal.aborted || isBackupError(error, 'cancelled')) throw error
    await endReport([{ error }])
    session.report(error, product)
    return { product, error: describeError(error), status: exitStatusOf(error) }
  }
}

function documentOf(status: ExitStatus, done: readonly BackupResult[], failures: readonly Failure[]) {
  const error = done.length === 0 ? failures[0]?.error : undefined
  return {
    ...(error === undefined ? {} : { error }),
    status: status === exitStatus.done ? 'complete' : done.length > 0 ? 'partial' : 'failed',
    backups: done,
    failures: failures.map(({ product, error }) => ({ product, error })),
  }
}
