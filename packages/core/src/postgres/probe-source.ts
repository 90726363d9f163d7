import type pg from 'pg'
import { BackupError } from '../errors/backup-error.js'
import { connect, databaseError } from './connection.js'
import type { ConnectionTarget } from './connection-target.js'

/** What is known of a source before its dump begins. */
export interface SourceProbe {
  readonly serverVersion: string
  readonly serverMajor: number
  readonly database: string
  readonly databaseBytes: number
  readonly encoding: string
  readonly extensions: readonly { readonly name: string; readonly version: string }[]
}

/**
 * Asks a source what a dump needs to know, and refuses what would make it wrong.
 * @param open opens a second session, by which a pooler shows itself
 * @throws BackupError `pooler-in-between`, `rows-hidden`, `database-refused`
 */
export async function probeSource(
  client: pg.Client,
  target: ConnectionTarget,
  schemas: readonly string[] | undefined,
  signal?: AbortSignal,
  open: typeof connect = connect,
): Promise<SourceProbe> {
  try {
    const facts = await client.query<{
      version: string
      num: number
      database: string
      bytes: string
      encoding: string
    }>(
      `select current_setting('server_version') as version, current_setting('server_version_num')::int as num,
              current_database() as database, pg_database_size(current_database()) as bytes,
              pg_encoding_to_char(encoding) as encoding
         from pg_database where datname = current_database()`,
    )
    const extensions = await client.query<{ name: string; version: string }>(
      'select extname as name, extversion as version from pg_extension order by 1',
    )
    const row = facts.rows[0]!
    await refusePooler(client, target, () => open(target, signal))
    await refuseHiddenRows(client, target, schemas)
    return {
      serverVersion: row.version,
      serverMajor: Math.floor(row.num / 10_000),
      database: row.database,
      databaseBytes: Number(row.bytes),
      encoding: row.encoding,
      extensions: extensions.rows,
    }
  } catch (error) {
    throw databaseError(error, target, signal)
  }
}

/**
 * A pooler in transaction mode hands the server session of an idle client to the next one: two clients that are
 * connected at once then see the same backend, which a direct connection or a session pooler never shows.
 */
async function refusePooler(
  client: pg.Client,
  target: ConnectionTarget,
  open: () => Promise<pg.Client>,
): Promise<void> {
  const refusal = new BackupError(
    'pooler-in-between',
    `${target.description} is a pooler in transaction mode, through which pg_dump cannot work`,
    {
      hint: "use the direct host, or the pooler's session mode (on Supabase: the same host, port 5432)",
    },
  )
  if (target.port === 6543) throw refusal
  const second = await open()
  try {
    const first = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    await second.query('begin')
    const other = await second.query<{ pid: number }>('select pg_backend_pid() as pid')
    await second.query('rollback')
    const again = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const pid = first.rows[0]!.pid
    if (other.rows[0]!.pid === pid || again.rows[0]!.pid !== pid) throw refusal
  } finally {
    await second.end()
  }
}

async function refuseHiddenRows(
  client: pg.Client,
  target: ConnectionTarget,
  schemas: readonly string[] | undefined,
): Promise<void> {
  const hidden = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and c.relrowsecurity and row_security_active(c.oid)
        and ($1::text[] is null or n.nspname = any($1))
      order by 1`,
    [schemas ?? null],
  )
  if (hidden.rows.length === 0) return
  const names = hidden.rows
    .slice(0, 3)
    .map(row => row.name)
    .join(', ')
  const more = hidden.rows.length > 3 ? ` and ${hidden.rows.length - 3} more` : ''
  throw new BackupError('rows-hidden', `row-level security would hide rows of ${names}${more} from ${target.user}`, {
    hint: `dump as the tables' owner, or as a role with BYPASSRLS (alter role ${target.user} bypassrls)`,
  })
}
