import type { ArchiveEntry } from '../archive/archive-header.js'
import { BackupError } from '../errors/backup-error.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import { quoted } from './rename-schema.js'

/** What drops tables, views and sequences, and nothing that depends on them; `schema` is where they are. */
export function dropStatements(entries: readonly ArchiveEntry[], schema?: string): string[] {
  const name = (entry: ArchiveEntry) => `${quoted(schema ?? entry.namespace ?? '')}.${quoted(entry.tag)}`
  const drop = (entry: ArchiveEntry) => `drop ${entry.description} if exists ${name(entry)}`
  const of = (kind: RegExp) => entries.filter(entry => kind.test(entry.description))
  const tables = of(/^TABLE$/).map(name)
  return [
    // Later ones may be made of earlier ones; tables go together, as their foreign keys may run both ways.
    ...of(/VIEW$/).reverse().map(drop),
    ...(tables.length > 0 ? [`drop table if exists ${tables.join(', ')}`] : []),
    ...of(/^(FOREIGN TABLE|SEQUENCE)$/).map(drop),
  ]
}

/**
 * Drops tables, views and sequences of a live database in one transaction.
 * @throws BackupError `target-not-empty`, naming what depends on them
 */
export async function dropTables(
  target: ConnectionTarget,
  entries: readonly ArchiveEntry[],
  signal?: AbortSignal,
): Promise<void> {
  const client = await connect(target, signal)
  try {
    await client.query('begin')
    await client.query("select set_config('client_min_messages', 'warning', true)")
    for (const statement of dropStatements(entries)) await client.query(statement)
    await client.query('commit')
  } catch (error) {
    const detail = typeof error === 'object' && error !== null && 'detail' in error ? String(error.detail) : ''
    if (detail === '' || !(error instanceof Error) || !/depend/.test(error.message))
      throw databaseError(error, target, signal)
    throw new BackupError('target-not-empty', `${error.message}: ${detail.replaceAll('\n', '; ')}`, {
      cause: error,
      hint: 'nothing was changed; restore beside the live tables (--into-schema recovered), or drop by hand what depends on them',
    })
  } finally {
    await client.end()
  }
}
