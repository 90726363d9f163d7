import { type BackupOptions, type BackupResult, isBackupError, type Lifeboat } from '@lifeboat/core'
import { type Command, Option } from 'commander'
import { addCommand, type Choose, type CommandResult, noNotifyOption, parseLabel } from '../command.js'
import { combinedStatus, type ExitStatus, exitStatus, exitStatusOf, worstStatus } from '../exit-status.js'
import { type Proof, proveBackup, renderProof } from '../prove-backup.js'
import { renderBackup } from '../render/backup-lines.js'
import { describeError, type ErrorDocument } from '../render/describe-error.js'
import { startReport } from '../reporting.js'
import type { Session } from '../session.js'

interface Flags {
  readonly reason?: string
  readonly prove?: true | 'stored' | 'content'
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
    'lifeboat backup shop --reason pre-deploy --label commit=4f2a1c9 --prove',
    'lifeboat backup shop --json > backup.json',
  ])
    .argument('[products...]', 'names from the configuration')
    .option('--reason <text>', 'why this backup is made (default: manual)')
    .option('--label <key=value>', 'a label to keep with the backup; repeatable', parseLabel)
    .option('--to <name>', 'exactly this destination, due or not; repeatable (default: all that are due)', collect)
    .addOption(noNotifyOption())
    .addOption(
      new Option(
        '--prove [level]',
        'read the backup back from every destination at once, and fail where it is not sound: content (needs the key; the default), or stored',
      ).choices(['content', 'stored']),
    )
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
  const level = flags.prove === true ? 'content' : flags.prove
  const done: BackupResult[] = []
  const proofs: Proof[] = []
  const failures: Failure[] = []
  for (const product of session.chooseProducts(lifeboat, named)) {
    const outcome = await backUp(session, lifeboat, product, options, flags.notify)
    if ('error' in outcome) failures.push(outcome)
    else {
      done.push(outcome)
      if (level !== undefined) proofs.push(...(await proveBackup(session, lifeboat, outcome, level)))
    }
  }
  const statuses = done.map(result => (result.status === 'complete' ? exitStatus.done : exitStatus.partial))
  const unproven = proofs.filter(({ status }) => status !== exitStatus.done)
  // A backup that is not proven is worse than one that is missing somewhere.
  const status =
    unproven.length > 0
      ? worstStatus(unproven.map(proof => proof.status))
      : combinedStatus([...statuses, ...failures.map(failure => failure.status)])
  const proven = proofs.map(({ status: _, ...proof }) => proof)
  return {
    status,
    document: { ...documentOf(status, done, failures), ...(level === undefined ? {} : { proofs: proven }) },
    lines: [
      ...done.flatMap(result => renderBackup(result, session.colours)),
      ...proofs.map(proof => renderProof(proof, session.colours)),
    ],
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
