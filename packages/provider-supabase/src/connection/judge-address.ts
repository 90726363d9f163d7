import { type Finding, isBackupError, type SourceAddress } from '@lifeboat/core'
import type { ManagementApi } from '../api/management-api.js'
import type { SupabaseSettings } from '../supabase-options.js'
import { connectionWays, recogniseWay } from './connection-ways.js'
import type { Reach } from './reach.js'

const reachTimeoutMs = 5_000
const orProvider = "or source: { url: 'provider' }, which needs no password"

/**
 * Which way into the project a configured address is, and whether a backup works on it: another project's, a pooler that
 * gives no session, a direct host that this network does not reach. Where another address is better, the hint has it.
 */
export async function judgeAddress(
  place: { readonly api: ManagementApi; readonly settings: SupabaseSettings; readonly reach: Reach },
  address: SourceAddress,
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const { api, settings, reach } = place
  const { ref } = settings
  signal?.throwIfAborted()
  const known = recogniseWay(address)
  const where = `${address.host}:${address.port}`
  if (known === undefined)
    return [finding('info', 'source-way', `source.url (${where}) is no address of Supabase's own`, null)]
  if (known.ref !== null && known.ref !== ref)
    return [
      finding(
        'critical',
        'source-of-another-project',
        `source.url is project ${known.ref}, and the provider is project ${ref}`,
        'give both the same project',
      ),
    ]
  if (known.way === 'transaction pooler' || known.way === 'dedicated pooler')
    return [
      finding(
        'critical',
        'source-through-transactions',
        `source.url is the ${known.way} (${where}), which gives pg_dump no session`,
        `use ${await betterWay()}; ${orProvider}`,
      ),
    ]
  if (known.way === 'session pooler')
    return known.ref === null
      ? [
          finding(
            'critical',
            'source-way',
            `source.url is the session pooler, and its user does not end in .${ref}: the pooler does not know which project is meant`,
            `write the user as ${address.user}.${ref}`,
          ),
        ]
      : [finding('info', 'source-way', `source.url is the session pooler (${where})`, null)]
  const reached = await reach(address, { timeoutMs: reachTimeoutMs, signal })
  if (reached === true) return [finding('info', 'source-way', `source.url is the direct host (${where})`, null)]
  return [
    finding(
      'critical',
      'source-unreachable',
      `source.url is the direct host, which this machine does not reach (${reached})`,
      `it answers on IPv6 only, unless the add-on for IPv4 was bought: use ${await betterWay()}; ${orProvider}`,
    ),
  ]

  /** The session pooler's address, asked of the API. */
  async function betterWay(): Promise<string> {
    try {
      const session = connectionWays(ref, await api.poolers(signal)).find(one => one.way === 'session pooler')
      if (session !== undefined)
        return `the session pooler: ${session.host}:${session.port}, user ${session.userFor('postgres')}`
    } catch (error) {
      signal?.throwIfAborted()
      // Only a better hint.
      if (!isBackupError(error)) throw error
    }
    return 'the session pooler, whose address (port 5432) is in the dashboard under Connect'
  }
}

function finding(severity: Finding['severity'], code: string, message: string, hint: string | null): Finding {
  return { severity, code, message, hint }
}
