import {
  type DrillReport,
  isBackupError,
  type Lifeboat,
  type RunPart,
  type VerificationLevel,
  type VerificationReport,
  verificationLevels,
} from '@lifeboat/core'
import { type Command, Option } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption, noNotifyOption } from '../command.js'
import { type ExitStatus, exitStatus, exitStatusOf, worstStatus } from '../exit-status.js'
import { describeError, type ErrorDocument } from '../render/describe-error.js'
import { renderDrill } from '../render/drill-lines.js'
import { renderVerification } from '../render/verification-lines.js'
import { type EndReport, startReport } from '../reporting.js'
import { addRetrieveOptions, type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'

interface Flags extends RetrieveFlags {
  readonly level: VerificationLevel
  readonly live?: boolean
  readonly destination?: string
  readonly notify: boolean
}

interface Failure {
  readonly backup: string
  readonly error: ErrorDocument
  readonly cause: unknown
  readonly status: ExitStatus
}

export function defineVerify(program: Command, choose: Choose): void {
  const command = addCommand(
    program,
    'verify',
    'check that a backup is whole (default: the latest of every product, in each destination)',
    [
      'lifeboat verify',
      'lifeboat verify shop/latest --destination offsite',
      'lifeboat verify 20261121T020000Z-7f3k9q --level stored',
      'LIFEBOAT_PRIVATE_KEY=team.asc lifeboat verify ./shop/20261121T020000Z-7f3k9q',
    ],
  )
    .argument('[backup]', 'latest, PRODUCT/latest, an id, a path or an s3:// address')
    .addOption(
      new Option(
        '--level <level>',
        'listed: present and complete; stored: every byte as recorded; content: decrypted and read to its end; restored: a drill',
      )
        .choices([...verificationLevels])
        .default('content'),
    )
    .option('--live', 'look at the live database, too: critical tables, rows, functions, policies, queries')
    .addOption(destinationOption())
    .addOption(noNotifyOption())
  addRetrieveOptions(command).action((backup: string | undefined, flags: Flags) =>
    choose(session => runVerify(session, backup, flags)),
  )
}

async function runVerify(session: Session, name: string | undefined, flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open(name)
  const wanted = name === undefined ? latestEverywhere(lifeboat, flags) : [{ name, flags }]
  const reports: VerificationReport[] = []
  const failures: Failure[] = []
  for (const [product, all] of byProduct(lifeboat, wanted)) {
    const endReport = await startVerifyReport(session, lifeboat, product, flags)
    const parts: RunPart[] = []
    for (const one of all) {
      const outcome = await verify(session, lifeboat, one.name, one.flags)
      if ('error' in outcome) failures.push(outcome)
      else reports.push(outcome)
      const { destination } = one.flags
      parts.push('error' in outcome ? { error: outcome.cause, destination } : { done: outcome, destination })
    }
    await endReport(parts)
  }
  const status = worstStatus([
    ...reports.map(report => statusOf(report, name !== undefined)),
    ...failures.map(failure => failure.status),
  ])
  const error = reports.length === 0 ? failures[0]?.error : undefined
  return {
    status,
    document: {
      ...(error === undefined ? {} : { error }),
      ok: status === exitStatus.done,
      reports,
      failures: failures.map(({ backup, error }) => ({ backup, error })),
    },
    lines: reports.flatMap(report =>
      isDrill(report) ? renderDrill(report, session.colours) : renderVerification(report, session.colours),
    ),
  }
}

interface Wanted {
  readonly name: string
  readonly flags: Flags
}

/** In the order they were named. A product is known where the latest of it is meant; null for any other backup. */
function byProduct(lifeboat: Lifeboat, wanted: readonly Wanted[]): [string | null, Wanted[]][] {
  const groups = new Map<string | null, Wanted[]>()
  for (const one of wanted) {
    const [product, id] = one.name === 'latest' ? [lifeboat.products[0], one.name] : one.name.split('/')
    const known = id === 'latest' && product !== undefined && lifeboat.products.includes(product) ? product : null
    groups.set(known, [...(groups.get(known) ?? []), one])
  }
  return [...groups]
}

/** A look that goes less deep than the nightly one does not show that this works again, and one at an older backup neither. */
async function startVerifyReport(
  session: Session,
  lifeboat: Lifeboat,
  product: string | null,
  { level, notify }: Flags,
): Promise<EndReport> {
  const deep = level === 'content' || level === 'restored'
  if (product === null || !deep) return async () => {}
  return startReport(session, lifeboat, { product, job: level === 'restored' ? 'drill' : 'verify' }, notify)
}

function isDrill(report: VerificationReport): report is DrillReport {
  return 'record' in report
}

/** The latest of every product, in each of its destinations: a copy that nobody read is not a proven one. */
function latestEverywhere(lifeboat: Lifeboat, flags: Flags): Wanted[] {
  return lifeboat.products.flatMap(product => {
    const destinations = flags.destination === undefined ? lifeboat.destinations(product) : [flags.destination]
    return destinations.map(destination => ({ name: `${product}/latest`, flags: { ...flags, destination } }))
  })
}

/** One backup; a check that could not run is reported and kept, so that the next backup gets its turn. */
async function verify(
  session: Session,
  lifeboat: Lifeboat,
  name: string,
  flags: Flags,
): Promise<VerificationReport | Failure> {
  const { level, live, destination } = flags
  try {
    return await lifeboat.verify(name, {
      level,
      live,
      destination,
      retrieve: retrievalOf(flags),
      signal: session.signal,
      onEvent: session.progress.onEvent,
    })
  } catch (error) {
    if (session.signal.aborted || isBackupError(error, 'cancelled')) throw error
    session.report(error)
    return { backup: name, error: describeError(error), cause: error, status: exitStatusOf(error) }
  }
}

/** Damage outweighs a missing key: with both, what could be read is already broken. */
function statusOf(report: VerificationReport, named: boolean): ExitStatus {
  // Whoever names a backup wants it read; the nightly look at all of them must not fail for an archive.
  const unread = named && report.findings.some(({ code }) => code === 'artifact-archived')
  if (report.ok) return unread ? exitStatus.archived : exitStatus.done
  const critical = report.findings.filter(finding => finding.severity === 'critical')
  const keyOnly = critical.length > 0 && critical.every(({ code }) => code === 'wrong-key' || code === 'key-missing')
  return keyOnly ? exitStatus.wrongKey : exitStatus.damaged
}
