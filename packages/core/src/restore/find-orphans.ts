import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import { quoted } from './rename-schema.js'

/** Rows that a foreign key finds nothing for. */
export interface Orphans {
  readonly table: string
  readonly constraint: string
  readonly rows: number
}

interface ForeignKey {
  readonly name: string
  readonly child: string
  readonly parent: string
  readonly columns: readonly string[]
  readonly references: readonly string[]
}

/** Only checked keys: one that is NOT VALID promises nothing of rows that were there before it. */
const foreignKeys = `
  select conname as name, conrelid::regclass::text as child, confrelid::regclass::text as parent,
         (select array_agg(attname::text order by at) from unnest(conkey) with ordinality k (num, at) join pg_attribute on attrelid = conrelid and attnum = num) as columns,
         (select array_agg(attname::text order by at) from unnest(confkey) with ordinality k (num, at) join pg_attribute on attrelid = confrelid and attnum = num) as references
  from pg_constraint where contype = 'f' and convalidated and conparentid = 0 and conrelid = to_regclass($1)`

/** Checks the foreign keys of tables whose rows came in while triggers were off, and with them these checks. */
export async function findOrphans(
  target: ConnectionTarget,
  tables: readonly { readonly schema: string; readonly name: string }[],
  signal?: AbortSignal,
): Promise<Orphans[]> {
  const client = await connect(target, signal)
  const found: Orphans[] = []
  try {
    await client.query("select set_config('search_path', '', false)")
    for (const { schema, name } of tables) {
      const keys = await client.query<ForeignKey>(foreignKeys, [`${quoted(schema)}.${quoted(name)}`])
      for (const key of keys.rows) {
        const counted = await client.query<{ n: string }>(orphansOf(key))
        const rows = Number(counted.rows[0]!.n)
        if (rows > 0) found.push({ table: `${schema}.${name}`, constraint: key.name, rows })
      }
    }
    return found
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}

/** As MATCH SIMPLE has it: a row with a null in the key refers to nothing. */
function orphansOf({ child, parent, columns, references }: ForeignKey): string {
  const present = columns.map(column => `c.${quoted(column)} is not null`).join(' and ')
  const equal = columns.map((column, at) => `c.${quoted(column)} = p.${quoted(references[at]!)}`).join(' and ')
  return `select count(*) as n from ${child} c where ${present} and not exists (select from ${parent} p where ${equal})`
}
