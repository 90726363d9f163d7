import type { PruneResult } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption, noNotifyOption } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { forEachProduct } from '../for-each-product.js'
import { renderPrune } from '../render/prune-lines.js'
import { startReport } from '../reporting.js'
import type { Session } from '../session.js'

interface Flags {
  readonly apply?: boolean
  readonly destination?: string
  readonly notify: boolean
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
    .addOption(noNotifyOption())
    .action((products: string[], flags: Flags) => choose(session => runPrune(session, products, flags)))
}

async function runPrune(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const { apply = false, destination } = flags
  const lifeboat = await session.open()
  const { signal, progress } = session
  const done = await forEachProduct<PruneResult>(session, session.chooseProducts(lifeboat, named), async product => {
    const endReport = await startReport(session, lifeboat, { product, job: 'prune' }, flags.notify && apply)
    try {
      const results = await lifeboat.prune(product, { apply, destination, signal, onEvent: progress.onEvent })
      await endReport(results.map(done => ({ done })))
      return results
    } catch (error) {
      await endReport([{ error, destination }])
      throw error
    }
  })
  const statuses = done.results.map(({ retained, sweep }) =>
    retained.length + sweep.retained.length === 0 ? exitStatus.done : exitStatus.partial,
  )
  return {
    status: done.statusWith(statuses),
    document: { ...done.document, applied: apply, results: done.results },
    lines: [
      ...done.results.flatMap(result => renderPrune(result, session.colours)),
      ...dryRunLine(done.results, apply),
    ],
  }
}

function dryRunLine(results: readonly PruneResult[], apply: boolean): string[] {
  const removable = results.reduce((sum, { plan, sweep }) => sum + plan.remove.length + sweep.garbage.length, 0)
  return apply || removable === 0 ? [] : ['nothing was removed: this was a dry run; add --apply to remove']
}
