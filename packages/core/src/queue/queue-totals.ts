import type pg from 'pg'
import { queueSchema } from './queue-schema.js'

/** The queue in numbers. */
export interface QueueTotals {
  /** How many runs are in each state; a state that none is in is left out. */
  readonly runs: Readonly<Record<string, number>>
  /** How long a run has waited that a worker could have taken, or whose worker is gone; null: there is none. */
  readonly oldestWaitingMs: number | null
}

/** Times are the server's: whoever asks may have another clock. */
export async function readTotals(client: pg.Client): Promise<QueueTotals> {
  const { rows } = await client.query<{ state: string; runs: number; waitedMs: number | null }>(
    `select state, count(*)::int as runs,
            (extract(epoch from now() - min(coalesce(next_attempt_at, lease_ends_at))) * 1000)::float8 as "waitedMs"
       from ${queueSchema}.overview group by state`,
  )
  // A run whose time has not come, or whose lease still runs, is waited for by nobody.
  const waited = rows.flatMap(({ waitedMs }) => (waitedMs !== null && waitedMs > 0 ? waitedMs : []))
  return {
    runs: Object.fromEntries(rows.map(({ state, runs }) => [state, runs])),
    oldestWaitingMs: waited.length === 0 ? null : Math.max(...waited),
  }
}
