import { isBackupError } from '@lifeboat/core'
import type { ManagementApi } from '../api/management-api.js'

/**
 * What a restore changes on the server itself. Supabase names no operation and keeps no record of one, so this is how
 * a restore that nobody watched can be told from one that never began.
 */
export interface ServerMarks {
  /** The write-ahead log's timeline (8 hex digits): every recovery ends on a new one. */
  readonly timeline: string
  /** When the server was started, in ms since the epoch: a restore in place starts it anew. */
  readonly startedAtMs: number
}

const question = `select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline,
  (extract(epoch from pg_postmaster_start_time()) * 1000)::bigint::text as started`

/** The marks now; undefined where the server does not tell (down, or not allowed to ask). */
export async function readServerMarks(
  api: ManagementApi,
  signal: AbortSignal | undefined,
): Promise<ServerMarks | undefined> {
  try {
    const [row] = await api.ask({ query: question }, signal)
    const timeline = row?.timeline
    const started = Number(row?.started)
    if (typeof timeline !== 'string' || !/^[0-9A-F]{8}$/.test(timeline) || !Number.isFinite(started)) return undefined
    return { timeline, startedAtMs: started }
  } catch (error) {
    signal?.throwIfAborted()
    // They help to take a recovery up and are not needed to make one.
    if (isBackupError(error)) return undefined
    throw error
  }
}
