import type pg from 'pg'
import { BackupError } from '../errors/backup-error.js'
import { connect, databaseError } from '../postgres/connection.js'
import { type ConnectionTarget, withDatabase } from '../postgres/connection-target.js'

/** What a restore must know of its target before it changes anything. */
export interface TargetFacts {
  readonly serverMajor: number
  readonly serverVersion: string
  readonly superuser: boolean
  /** Whether sessions of the target only read: Supabase sets that when a project's disk is full. */
  readonly readOnly: boolean
  readonly exists: boolean
  /** Relations, functions and types of users; extensions' own do not count. */
  readonly objects: number
  readonly roles: ReadonlySet<string>
  readonly availableExtensions: ReadonlySet<string>
  /** The same for two sessions only when they are in the same database of the same running server. */
  readonly identity: string
}

/** Looks at a target; with `create`, at the server on which it will be created. */
export async function inspectTarget(
  target: ConnectionTarget,
  create: boolean,
  signal?: AbortSignal,
  managedSchemas: readonly string[] = [],
): Promise<TargetFacts> {
  const client = await connect(create ? withDatabase(target, 'postgres') : target, signal)
  try {
    const server = await client.query<{
      version: string
      num: number
      superuser: boolean
      read_only: boolean
      exists: boolean
    }>(
      `select current_setting('server_version') as version, current_setting('server_version_num')::int as num,
              (select rolsuper from pg_roles where rolname = current_user) as superuser,
              current_setting('transaction_read_only') = 'on' as read_only,
              exists (select from pg_database where datname = $1) as exists`,
      [target.database],
    )
    const roles = await client.query<{ rolname: string }>('select rolname from pg_roles')
    const extensions = await client.query<{ name: string }>('select name from pg_available_extensions')
    const row = server.rows[0]!
    return {
      serverMajor: Math.floor(row.num / 10_000),
      serverVersion: row.version,
      superuser: row.superuser,
      readOnly: row.read_only,
      exists: row.exists,
      objects: create ? 0 : await countObjects(client, managedSchemas),
      roles: new Set(roles.rows.map(one => one.rolname)),
      availableExtensions: new Set(extensions.rows.map(one => one.name)),
      identity: create ? '' : await readIdentity(client),
    }
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}

/** Whether a session's database is the one that another address leads to. An unreachable one is compared by its address. */
export async function isSameDatabase(
  identity: string,
  target: ConnectionTarget,
  source: ConnectionTarget,
  signal?: AbortSignal,
): Promise<boolean> {
  if (target.description === source.description) return true
  let client: pg.Client
  try {
    client = await connect({ ...source }, signal && AbortSignal.any([signal, AbortSignal.timeout(10_000)]))
  } catch (error) {
    // In the disaster a restore is for, the source does not answer; another address is then another database.
    if (error instanceof BackupError && error.code === 'cancelled' && signal?.aborted) throw error
    return false
  }
  try {
    return (await readIdentity(client)) === identity
  } finally {
    await client.end()
  }
}

async function readIdentity(client: pg.Client): Promise<string> {
  const result = await client.query<{ identity: string }>(
    `select concat_ws('/', pg_postmaster_start_time(), d.oid, d.datname) as identity from pg_database d where d.datname = current_database()`,
  )
  return result.rows[0]!.identity
}

async function countObjects(client: pg.Client, managedSchemas: readonly string[]): Promise<number> {
  const result = await client.query<{ n: number }>(
    `with own as (select oid from pg_namespace where nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_(toast|temp)' and not nspname = any ($1))
     select ((select count(*) from pg_class c where relnamespace in (select oid from own) and relkind in ('r','p','v','m','S','f')
               and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))
           + (select count(*) from pg_proc p where pronamespace in (select oid from own)
               and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'))
           + (select count(*) from pg_type t where typnamespace in (select oid from own) and typtype in ('e','d')
               and not exists (select from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'))
           + (select count(*) from pg_largeobject_metadata))::int as n`,
    [managedSchemas],
  )
  return result.rows[0]!.n
}
