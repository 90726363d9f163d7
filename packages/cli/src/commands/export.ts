import type { ExportResult } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { forEachProduct } from '../for-each-product.js'
import { renderExports } from '../render/export-lines.js'
import type { Session } from '../session.js'

interface Flags {
  readonly existing?: boolean
  /** False with --no-mirror. */
  readonly mirror: boolean
}

export function defineExport(program: Command, choose: Choose): void {
  addCommand(program, 'export', "have the provider make an export, and store it with the product's backups", [
    'lifeboat export shop',
    'lifeboat export shop --existing',
    'lifeboat export shop --no-mirror',
  ])
    .argument('<products...>', 'names from the configuration')
    .option('--existing', 'start none; store those that the provider has and no destination does')
    .option('--no-mirror', 'leave it at the provider')
    .action((products: string[], flags: Flags) => choose(session => runExports(session, products, flags)))
}

async function runExports(session: Session, named: readonly string[], flags: Flags): Promise<CommandResult> {
  const lifeboat = await session.open()
  const { existing, mirror } = flags
  const options = { existing, mirror, signal: session.signal, onEvent: session.progress.onEvent }
  const done = await forEachProduct<ExportResult>(session, session.chooseProducts(lifeboat, named), async product => [
    await lifeboat.export(product, options),
  ])
  const statuses = done.results.flatMap(one =>
    one.exports.map(({ mirrored }) => (mirrored?.status === 'partial' ? exitStatus.partial : exitStatus.done)),
  )
  return {
    status: done.statusWith(statuses.length === 0 && done.results.length > 0 ? [exitStatus.done] : statuses),
    document: { ...done.document, results: done.results },
    lines: done.results.flatMap(one => renderExports(one, session.colours)),
  }
}
