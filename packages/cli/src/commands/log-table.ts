import { verificationLogMigration } from '@lifeboat/core'
import type { Command } from 'commander'
import { addCommand, type Choose, type CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { forEachProduct } from '../for-each-product.js'
import type { Session } from '../session.js'

export function defineLogTable(program: Command, choose: Choose): void {
  addCommand(
    program,
    'log-table',
    'print the SQL that makes the table backup_verification_log, and with --apply run it',
    ['lifeboat log-table > migration.sql', 'lifeboat log-table shop --apply'],
  )
    .argument('[products...]', 'names from the configuration (default: all)')
    .option('--apply', 'make the table where verify.log says (default: only print)')
    .action((products: string[], flags: { readonly apply?: boolean }) =>
      choose(session => (flags.apply ? apply(session, products) : print())),
    )
}

async function print(): Promise<CommandResult> {
  return {
    status: exitStatus.done,
    document: { applied: false, sql: verificationLogMigration, databases: [] },
    lines: verificationLogMigration.trimEnd().split('\n'),
  }
}

async function apply(session: Session, named: readonly string[]): Promise<CommandResult> {
  const lifeboat = await session.open()
  const done = await forEachProduct(session, session.chooseProducts(lifeboat, named), async product => [
    await lifeboat.migrateLog(product, { signal: session.signal }),
  ])
  return {
    status: done.statusWith(done.results.map(() => exitStatus.done)),
    document: { ...done.document, applied: true, sql: verificationLogMigration, databases: done.results },
    lines: done.results.map(({ product, database }) => `${product}: backup_verification_log is in ${database}`),
  }
}
