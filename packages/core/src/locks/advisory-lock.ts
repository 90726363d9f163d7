import { createHash } from 'node:crypto'
import type pg from 'pg'
import { BackupError } from '../errors/backup-error.js'

/** The first half of our advisory keys: `LBOT` in ASCII, so that nobody else's keys are met. */
const space = 0x4c_42_4f_54

/**
 * Takes the product's advisory lock in its source, for as long as the session lasts: the server lets it go by itself
 * when the holder dies. Behind a pooler that shares sessions it would mean nothing; those are refused before.
 * @throws BackupError `locked`, naming the session that holds it
 */
export async function acquireAdvisoryLock(client: pg.Client, product: string): Promise<void> {
  const key = createHash('sha256').update(product).digest().readInt32BE(0)
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, $2) as taken', [space, key])
  if (rows[0]!.taken) return
  const holders = await client.query<{ pid: number; place: string | null; since: string | null }>(
    `select a.pid, host(a.client_addr) as place, to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since
       from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and l.classid = $1::bigint::oid
        and l.objid = ($2::bigint & 4294967295)::oid`,
    [space, key],
  )
  const [holder] = holders.rows
  const who = holder
    ? `another backup, in the database session ${holder.pid}${holder.place ? ` from ${holder.place}` : ''}${holder.since ? ` since ${holder.since}` : ''}`
    : 'another backup'
  throw new BackupError('locked', `${product} is locked by ${who}`, {
    hint: 'wait for it to end; the lock goes with that session',
  })
}
