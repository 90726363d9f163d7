import type { SweepResult } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { forEachProduct } from '../for-each-product.js'
import { renderSweep } from '../render/sweep-lines.js'
import type { Session } from '../session.js'

interface Flags {
  readonly apply?: boolean
  readonly destination?: string
}

export function defineSweep(program: Command, choose: Choose): void {
  addCommand(program, 'sweep', 'show what crashed runs left behind, and with --apply remove it', [
    'lifeboat sweep',
    'lifeboat sweep shop --destination offsite',
    'lifeboat sweep --apply',
  ])
    .argument('[products...]', 'names from the configuration (default: all)')
    .option('--apply', 'remove what is shown; without it nothing is changed')
    .option('--destination <name>', destinationOption().description.replace(/ \(.*/, ' (default: all)'))
    .action((products: string[], flags: Flags) => choose(session => runSweep(session, products, flags)))
}

async function runSweep(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const { apply = false, destination } = flags
  const lifeboat = await session.open()
  const done = await forEachProduct<SweepResult>(session, session.chooseProducts(lifeboat, named), product =>
    lifeboat.sweep(product, { apply, destination, signal: session.signal, onEvent: session.progress.onEvent }),
  )
  const statuses = done.results.map(({ retained }) => (retained.length === 0 ? exitStatus.done : exitStatus.partial))
  const found = done.results.reduce((sum, { garbage }) => sum + garbage.length, 0)
  return {
    status: done.statusWith(statuses),
    document: { ...done.document, applied: apply, results: done.results },
    lines: [
      ...done.results.flatMap(result => renderSweep(result, session.colours)),
      ...(apply || found === 0 ? [] : ['nothing was removed: this was a dry run; add --apply to remove']),
    ],
  }
}
