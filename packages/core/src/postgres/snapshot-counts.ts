import type pg from 'pg'
import { escapeIdentifier } from 'pg'
import { BackupError } from '../errors/backup-error.js'
import { databaseError } from './connection.js'
import type { ConnectionTarget } from './connection-target.js'

/** A table that holds rows itself: plain, or a leaf of a partitioned one. */
export interface CountableTable {
  readonly schema: string
  readonly name: string
}

export interface CriticalTables {
  readonly present: readonly CountableTable[]
  /** As the configuration names them. */
  readonly missing: readonly string[]
  readonly partitions: readonly {
    readonly schema: string
    readonly name: string
    readonly leaves: readonly CountableTable[]
  }[]
}

/** Finds the configured critical tables; a partitioned one stands for its leaves. */
export async function resolveCriticalTables(client: pg.Client, names: readonly string[]): Promise<CriticalTables> {
  const present: CountableTable[] = []
  const missing: string[] = []
  const partitions: { schema: string; name: string; leaves: CountableTable[] }[] = []
  for (const configured of names) {
    const { schema, name } = splitTableName(configured)
    const leaves = await client.query<CountableTable>(
      `with recursive tree as (
         select c.oid, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')
         union all
         select c.oid, c.relkind from tree t join pg_inherits i on i.inhparent = t.oid and t.relkind = 'p'
                                            join pg_class c on c.oid = i.inhrelid)
       select n.nspname as schema, c.relname as name from tree t
         join pg_class c on c.oid = t.oid join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' order by 1, 2`,
      [schema, name],
    )
    if (leaves.rows.length === 0) missing.push(configured)
    else if (leaves.rows.length > 1 || leaves.rows[0]!.name !== name)
      partitions.push({ schema, name, leaves: leaves.rows })
    present.push(...leaves.rows)
  }
  return { present, missing, partitions }
}

/** `table` means `public.table`. */
export function splitTableName(configured: string): CountableTable {
  const dot = configured.indexOf('.')
  return dot < 0
    ? { schema: 'public', name: configured }
    : { schema: configured.slice(0, dot), name: configured.slice(dot + 1) }
}

/** A transaction whose snapshot a dump shares, and in which tables are counted. */
export interface SharedSnapshot {
  readonly snapshotId: string
  count(table: CountableTable): Promise<number>
  close(): Promise<void>
}

/**
 * Opens a snapshot for the dump to share.
 * @returns why not, where the server cannot export one
 */
export async function openSnapshot(
  client: pg.Client,
  target: ConnectionTarget,
): Promise<SharedSnapshot | { readonly why: string }> {
  await client.query('begin isolation level repeatable read read only')
  try {
    await client.query(
      `select set_config(name, '0', true) from pg_settings
        where name in ('idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout')`,
    )
    const exported = await client.query<{ id: string }>('select pg_export_snapshot() as id')
    return {
      snapshotId: exported.rows[0]!.id,
      async count(table) {
        // A table that cannot be counted must not end the transaction: pg_dump may not have taken its snapshot yet.
        await client.query('savepoint counting')
        try {
          const result = await client.query<{ n: string }>(
            `select count(*) as n from only ${escapeIdentifier(table.schema)}.${escapeIdentifier(table.name)}`,
          )
          return Number(result.rows[0]!.n)
        } catch (error) {
          await client.query('rollback to savepoint counting').catch(() => {
            // The session is gone; the error at hand says so.
          })
          throw databaseError(error, target)
        }
      },
      async close() {
        await client.query('commit')
      },
    }
  } catch (error) {
    await client.query('rollback')
    if (error instanceof BackupError) throw error
    return { why: error instanceof Error ? error.message : 'the server refused to export a snapshot' }
  }
}
