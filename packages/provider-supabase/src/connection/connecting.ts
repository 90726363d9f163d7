import { BackupError, type Connecting, secret } from '@lifeboat/core'
import type { HttpDeps } from '@lifeboat/core/http'
import type { ManagementApi } from '../api/management-api.js'
import type { SupabaseSettings } from '../supabase-options.js'
import { type ConnectionWay, connectionWays } from './connection-ways.js'
import { judgeAddress } from './judge-address.js'
import type { Reach } from './reach.js'

const reachTimeoutMs = 5_000

/**
 * Connects with a login role that the API makes for a short time, so that the configuration holds no password of the
 * database. Direct if the network can, else through the session pooler. Transaction pooling is never taken.
 */
export function connecting(place: {
  readonly api: ManagementApi
  readonly settings: SupabaseSettings
  readonly deps: HttpDeps
  readonly reach: Reach
}): Connecting {
  const { api, settings, deps, reach } = place
  return {
    judge: (address, { signal } = {}) => judgeAddress(place, address, signal),
    async connect({ signal, readOnly = false } = {}) {
      signal?.throwIfAborted()
      const ways = connectionWays(settings.ref, await api.poolers(signal)).filter(one => one.fit)
      const notes: string[] = []
      for (const way of ways) {
        const reached = await reach(way, { timeoutMs: reachTimeoutMs, signal })
        if (reached !== true) {
          notes.push(`${way.way} (${way.host}:${way.port}): ${reached}`)
          continue
        }
        const { role, password, ttl_seconds } = await api.createLoginRole({ read_only: readOnly }, signal)
        const expires = deps.now() + ttl_seconds * 1000
        return {
          url: secret.value(
            address(way, { role, password, readOnly, sslRootCert: settings.sslRootCert }),
            'a temporary login role of Supabase',
          ),
          way: way.way,
          expiresAt: new Date(expires).toISOString(),
          notes,
        }
      }
      throw new BackupError('database-unreachable', `no way into project ${settings.ref}: ${notes.join('; ')}`, {
        hint: await hintFor(notes, signal),
      })
    },
  }

  /** Too many wrong passwords get an address banned, which looks like a refused connection. */
  async function hintFor(notes: readonly string[], signal: AbortSignal | undefined): Promise<string> {
    const usual = 'the direct host answers on IPv6 only; check that the network lets 5432 out'
    if (!notes.some(one => one.includes('ECONNREFUSED'))) return usual
    try {
      const banned = (await api.networkBans(signal)).banned_ipv4_addresses
      if (banned.length > 0)
        return `${banned.length} addresses are banned from the database after wrong passwords: lift the ban in the dashboard if yours is among them`
    } catch {
      // Only a better hint; without it the usual one stands.
      signal?.throwIfAborted()
    }
    return usual
  }
}

/** The role acts as `postgres`, which owns what users make; the server is told so when the session starts. */
function address(
  way: ConnectionWay,
  login: {
    readonly role: string
    readonly password: string
    readonly readOnly: boolean
    readonly sslRootCert: string | undefined
  },
): string {
  const user = encodeURIComponent(way.userFor(login.role))
  const parameters = [
    ...(login.sslRootCert === undefined
      ? ['sslmode=require']
      : ['sslmode=verify-full', `sslrootcert=${encodeURIComponent(login.sslRootCert)}`]),
    ...(login.readOnly ? [] : [`options=${encodeURIComponent('-c role=postgres')}`]),
  ]
  const password = encodeURIComponent(login.password)
  return `postgres://${user}:${password}@${way.host}:${way.port}/postgres?${parameters.join('&')}`
}
