import type { SourceAddress } from '@lifeboat/core'
import type { PoolersAnswer } from '../api/answers.js'

/** How an address reaches a project's database. */
export type WayName = 'direct' | 'session pooler' | 'transaction pooler' | 'dedicated pooler'

export interface ConnectionWay {
  readonly way: WayName
  readonly host: string
  readonly port: number
  /** The user name of a role on this way: poolers want the project's ref behind it. */
  readonly userFor: (role: string) => string
  /** Whether pg_dump and a restore work: pooling by transaction gives them no session. */
  readonly fit: boolean
}

const poolerHost = /^aws-\d+-[a-z0-9-]+\.pooler\.supabase\.(com|co)$/

/**
 * The ways into a project, best first: direct (IPv6, unless the add-on was bought), then the shared pooler by session
 * (IPv4). The pooler's host comes from the API, since its number differs, and only one in Supabase's own domain is taken:
 * a password goes there. https://supabase.com/docs/guides/database/connecting-to-postgres
 */
export function connectionWays(ref: string, poolers: PoolersAnswer): ConnectionWay[] {
  const direct: ConnectionWay = { way: 'direct', host: `db.${ref}.supabase.co`, port: 5432, userFor: same, fit: true }
  const shared = poolers.find(one => one.database_type === 'PRIMARY' && poolerHost.test(one.db_host))
  if (shared === undefined) return [direct]
  // The API names the transaction port; the same host pools by session on 5432.
  const session: ConnectionWay = {
    ...{ way: 'session pooler', host: shared.db_host, port: 5432, fit: true },
    userFor: role => `${role}.${ref}`,
  }
  return [direct, session, { ...session, way: 'transaction pooler', port: 6543, fit: false }]
}

/** Which way an address is, and into which project; undefined for one that is not Supabase's. */
export function recogniseWay({
  host,
  port,
  user,
}: SourceAddress): { readonly way: WayName; readonly ref: string | null } | undefined {
  const direct = /^db\.([a-z]{20})\.supabase\.co$/.exec(host)
  if (direct) return { way: port === 6543 ? 'dedicated pooler' : 'direct', ref: direct[1]! }
  if (!poolerHost.test(host)) return undefined
  const ref = /\.([a-z]{20})$/.exec(user)?.[1] ?? null
  return { way: port === 6543 ? 'transaction pooler' : 'session pooler', ref }
}

function same(role: string): string {
  return role
}
