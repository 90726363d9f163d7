import type pg from 'pg'
import { BackupError } from '../errors/backup-error.js'
import { connect } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'

/** The same for two sessions only when one running server answers both. */
export interface ServerIdentity {
  readonly text: string
}

export async function readServerIdentity(client: pg.Client): Promise<ServerIdentity> {
  const { rows } = await client.query<{ text: string }>(
    `select concat_ws('/', extract(epoch from pg_postmaster_start_time())::text, (select oid from pg_database where datname = 'template1'),
            current_setting('server_version_num')) as text`,
  )
  return { text: rows[0]!.text }
}

/** Whether the source lives on a server. One that does not answer is compared by its address. */
export async function sameServer(
  identity: ServerIdentity,
  server: ConnectionTarget,
  source: ConnectionTarget,
  signal?: AbortSignal,
): Promise<boolean> {
  if (server.host === source.host && server.port === source.port) return true
  const patience = AbortSignal.timeout(10_000)
  let client: pg.Client
  try {
    client = await connect(source, signal ? AbortSignal.any([signal, patience]) : patience)
  } catch (error) {
    // In the disaster that a drill rehearses, the source does not answer; another address is then another server.
    if (error instanceof BackupError && error.code === 'cancelled' && signal?.aborted) throw error
    return false
  }
  try {
    return (await readServerIdentity(client)).text === identity.text
  } finally {
    await client.end()
  }
}
