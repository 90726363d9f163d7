import type { ArchiveEntry } from '../archive/archive-header.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'

const droppable =
  /^DROP (TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|FUNCTION|PROCEDURE|AGGREGATE|TYPE|DOMAIN|FOREIGN TABLE|COLLATION|OPERATOR|TEXT SEARCH \w+) (?!IF EXISTS)/

/** Drops, in one transaction, the objects of a target that a backup names; what it does not name stays. */
export async function dropNamedObjects(
  target: ConnectionTarget,
  entries: readonly ArchiveEntry[],
  signal?: AbortSignal,
): Promise<void> {
  const client = await connect(target, signal)
  try {
    const namespaces = await client.query<{ nspname: string }>('select nspname from pg_namespace')
    const known = new Set(namespaces.rows.map(row => row.nspname))
    await client.query('begin')
    await client.query("select set_config('search_path', '', true), set_config('client_min_messages', 'warning', true)")
    for (const entry of [...entries].reverse()) {
      if (entry.section !== 'pre-data' || (entry.namespace !== null && !known.has(entry.namespace))) continue
      const statement = entry.dropStatement.trim()
      if (droppable.test(statement))
        await client.query(statement.replace(droppable, 'DROP $1 IF EXISTS ').replace(/;$/, ' CASCADE'))
    }
    const ranges = entries
      .filter(entry => /^BLOB( METADATA)?$/.test(entry.description))
      .map(entry => entry.tag.match(/\d+/g) ?? [])
    for (const [first, last = first] of ranges) {
      await client.query('select lo_unlink(oid) from pg_largeobject_metadata where oid between $1 and $2', [
        first,
        last,
      ])
    }
    await client.query('commit')
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}
