import type pg from 'pg'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import { quoted } from './rename-schema.js'

/** What a database has already, as far as an archive can be asked about it. */
export interface TargetObjects {
  has(entry: ArchiveEntry): boolean
  /** Whether the schema exists, and how many relations, functions and types of its own it holds. */
  schema(name: string): { readonly exists: boolean; readonly objects: number }
}

/** An empty database, or one that is yet to be made. */
export const noObjects: TargetObjects = { has: () => false, schema: () => ({ exists: false, objects: 0 }) }

const kinds: Readonly<Record<string, string>> = {
  ...{ TABLE: 'relation', 'FOREIGN TABLE': 'relation', VIEW: 'relation', 'MATERIALIZED VIEW': 'relation' },
  ...{ SEQUENCE: 'relation', TYPE: 'type', 'SHELL TYPE': 'type', DOMAIN: 'type', FUNCTION: 'routine' },
  ...{ PROCEDURE: 'routine', AGGREGATE: 'routine', SCHEMA: 'schema', EXTENSION: 'extension', COLLATION: 'collation' },
}

/** A routine is written as pg_dump's table of contents writes it: `name(type, type)`, an aggregate over anything `name(*)`. */
const objectsQuery = `
  select 'schema' as kind, null as schema, nspname as name, false as own from pg_namespace
  union all select 'extension', null, extname, false from pg_extension
  union all select 'collation', n.nspname, collname, true from pg_collation c join pg_namespace n on n.oid = collnamespace
  union all select 'relation', n.nspname, relname, relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  union all select 'type', n.nspname, typname, typtype in ('e', 'd')
    from pg_type t join pg_namespace n on n.oid = typnamespace
  union all select 'routine', n.nspname, proname || '(' || case when prokind = 'a' and pronargs = 0 then '*' else coalesce((
      select string_agg(format_type(arg, null), ', ' order by at) from unnest(proargtypes) with ordinality as a (arg, at)), '') end || ')', true
    from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname not in ('pg_catalog', 'information_schema')`

/** Reads what a database has. */
export async function inspectObjects(target: ConnectionTarget, signal?: AbortSignal): Promise<TargetObjects> {
  const client = await connect(target, signal)
  try {
    return await readObjects(client)
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}

/** Of these tables the ones that hold a row; a partition's rows do not count for its root. */
export async function findFilled(
  target: ConnectionTarget,
  tables: readonly { readonly schema: string; readonly name: string }[],
  signal?: AbortSignal,
): Promise<{ readonly schema: string; readonly name: string }[]> {
  const client = await connect(target, signal)
  const filled: { readonly schema: string; readonly name: string }[] = []
  try {
    for (const table of tables) {
      const found = await client.query(`select from only ${quoted(table.schema)}.${quoted(table.name)} limit 1`)
      if (found.rowCount !== 0) filled.push(table)
    }
    return filled
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}

async function readObjects(client: pg.Client): Promise<TargetObjects> {
  await client.query("select set_config('search_path', '', false)")
  const result = await client.query<{ kind: string; schema: string | null; name: string; own: boolean }>(objectsQuery)
  const found = new Set(result.rows.map(row => keyOf(row.kind, row.schema, row.name)))
  const inSchemas = new Map<string, number>()
  for (const { schema, own } of result.rows)
    if (schema !== null && own) inSchemas.set(schema, (inSchemas.get(schema) ?? 0) + 1)
  return {
    has(entry) {
      const kind = kinds[entry.description]
      return kind !== undefined && found.has(keyOf(kind, entry.namespace, entry.tag))
    },
    schema: name => ({ exists: found.has(keyOf('schema', null, name)), objects: inSchemas.get(name) ?? 0 }),
  }
}

function keyOf(kind: string, schema: string | null, name: string): string {
  return `${kind}\0${schema ?? ''}\0${name}`
}
