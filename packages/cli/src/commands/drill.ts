import type { DrillReport } from '@lifeboat/core'
import { type Command, Option } from 'commander'
import { addCommand, type Choose, type CommandResult, destinationOption, noNotifyOption } from '../command.js'
import { exitStatus, worstStatus } from '../exit-status.js'
import { forEachProduct } from '../for-each-product.js'
import { renderDrill } from '../render/drill-lines.js'
import { startReport } from '../reporting.js'
import { addRetrieveOptions, type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'

interface Flags extends RetrieveFlags {
  readonly backup?: string
  readonly destination?: string
  readonly proof?: 'content' | 'counts'
  readonly notify: boolean
}

export function defineDrill(program: Command, choose: Choose): void {
  const command = addCommand(
    program,
    'drill',
    'rehearse a restore: into a scratch database, checked, compared, timed and removed (default: every product)',
    [
      'lifeboat drill',
      'lifeboat drill shop --destination offsite',
      'lifeboat drill shop --backup 20261121T020000Z-7f3k9q --proof counts',
    ],
  )
    .argument('[products...]', 'names from the configuration (default: all)')
    .option('--backup <id>', 'this backup (default: the latest)')
    .addOption(destinationOption())
    .addOption(
      new Option(
        '--proof <kind>',
        'content: compare everything with the backup; counts: the rows of every table (default: as configured, else content)',
      ).choices(['content', 'counts']),
    )
    .addOption(noNotifyOption())
  addRetrieveOptions(command).action((products: string[], flags: Flags) =>
    choose(session => runDrills(session, products, flags)),
  )
}

async function runDrills(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const products = session.chooseProducts(lifeboat, named)
  if (flags.backup !== undefined && products.length !== 1)
    throw new UsageError(
      '--backup names a backup of one product',
      'name the product: lifeboat drill PRODUCT --backup ID',
    )
  const { backup = 'latest', destination, proof } = flags
  const { signal, progress } = session
  const done = await forEachProduct<DrillReport>(session, products, async product => {
    // One of an older backup says nothing of how things are now.
    const wanted = flags.notify && flags.backup === undefined
    const endReport = await startReport(session, lifeboat, { product, job: 'drill' }, wanted)
    try {
      const done = await lifeboat.drill(`${product}/${backup}`, {
        ...{ destination, proof, retrieve: retrievalOf(flags), signal, onEvent: progress.onEvent },
      })
      await endReport([{ done }])
      return [done]
    } catch (error) {
      await endReport([{ error, destination }])
      throw error
    }
  })
  const statuses = done.results.map(report => (report.ok ? exitStatus.done : exitStatus.damaged))
  // A drill that failed outweighs one that could not be held.
  const failed = worstStatus(statuses)
  return {
    status: failed === exitStatus.done ? done.statusWith(statuses) : failed,
    document: {
      ok: failed === exitStatus.done && done.document.failures.length === 0,
      ...done.document,
      drills: done.results,
    },
    lines: done.results.flatMap(report => renderDrill(report, session.colours)),
  }
}
