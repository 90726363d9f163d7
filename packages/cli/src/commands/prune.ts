import { isBackupError, type PruneResult } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption } from '../command.js'
import { combinedStatus, type ExitStatus, exitStatus, exitStatusOf } from '../exit-status.js'
import { describeError, type ErrorDocument } from '../render/describe-error.js'
import { renderPrune } from '../render/prune-lines.js'
import type { Session } from '../session.js'

interface Flags {
  readonly apply?: boolean
  readonly destination?: string
}

interface Failure {
  readonly product: string
  readonly error: ErrorDocument
  readonly status: ExitStatus
}

export function definePrune(program: Command, choose: Choose): void {
  addCommand(program, 'prune', 'show which backups the retention rules would remove, and with --apply remove them', [
    'lifeboat prune',
    'lifeboat prune shop --destination offsite',
    'lifeboat prune --apply',
  ])
    .argument('[products...]', 'names from the configuration (default: all)')
    .option('--apply', 'remove what the plan says; without it nothing is changed')
    .option('--destination <name>', destinationOption().description.replace(/ \(.*/, ' (default: all)'))
    .action((products: string[], flags: Flags) => choose(session => runPrune(session, products, flags)))
}

async function runPrune(
  session: Session,
  named: readonly string[],
  { apply = false, destination }: Flags,
): Promise<CommandResult> {
  const lifeboat = await session.open()
  const results: PruneResult[] = []
  const failures: Failure[] = []
  for (const product of session.chooseProducts(lifeboat, named)) {
    try {
      const options = { apply, destination, signal: session.signal, onEvent: session.progress.onEvent }
      results.push(...(await lifeboat.prune(product, options)))
    } catch (error) {
      if (session.signal.aborted || isBackupError(error, 'cancelled')) throw error
      session.report(error, product)
      failures.push({ product, error: describeError(error), status: exitStatusOf(error) })
    }
  }
  const statuses = results.map(({ retained }) => (retained.length === 0 ? exitStatus.done : exitStatus.partial))
  const error = results.length === 0 ? failures[0]?.error : undefined
  return {
    status: combinedStatus([...statuses, ...failures.map(failure => failure.status)]),
    document: {
      ...(error === undefined ? {} : { error }),
      applied: apply,
      results,
      failures: failures.map(({ product, error }) => ({ product, error })),
    },
    lines: [...results.flatMap(result => renderPrune(result, session.colours)), ...dryRunLine(results, apply)],
  }
}

function dryRunLine(results: readonly PruneResult[], apply: boolean): string[] {
  const removable = results.reduce((sum, { plan }) => sum + plan.remove.length, 0)
  return apply || removable === 0 ? [] : ['nothing was removed: this was a dry run; add --apply to remove']
}
