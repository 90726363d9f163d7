import type { KeyFinding, KeyState } from './key-state.js'

const dayMs = 24 * 60 * 60 * 1000
/** How long before a key expires it is a finding: a new one has to reach every machine that backs up. */
const warnBeforeMs = 30 * dayMs

export interface KeyExpectations {
  /** How often somebody must have shown that each key opens a backup: the product's `encryption.proveEvery`. Default: 90 days. */
  readonly proveEveryMs?: number | undefined
}

/**
 * What stands against a product's keys on a day: one that expired (no backup can be made) or is about to, one that
 * nobody has proved for too long, one that is no longer configured and still opens the newest backup. Pure.
 */
export function judgeKeys(keys: readonly KeyState[], now: Date, expected: KeyExpectations): KeyFinding[] {
  return keys.flatMap(key => [...expiry(key, now), ...proof(key, now, expected), ...reach(key)])
}

function expiry(key: KeyState, now: Date): KeyFinding[] {
  if (key.encrypts.length === 0) return []
  const { expiresAt } = key
  if (expiresAt !== null && Date.parse(expiresAt) <= now.getTime())
    return [
      {
        ...about(key, 'critical', 'key-expired', expiresAt),
        message: `${nameOf(key)} expired on ${expiresAt.slice(0, 10)}: no backup can be made`,
        hint: 'prolong it or put another in its place, and name its public half in encryption.recipients',
      },
    ]
  if (key.unusable !== null)
    return [
      {
        ...about(key, 'critical', 'key-unusable', null),
        message: `${nameOf(key)} cannot be encrypted to: ${key.unusable}`,
        hint: 'put another in its place in encryption.recipients: `lifeboat keys generate`',
      },
    ]
  const leftMs = expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt) - now.getTime()
  if (leftMs > warnBeforeMs) return []
  return [
    {
      ...about(key, 'warning', 'key-expires-soon', null),
      message: `${nameOf(key)} expires in ${days(leftMs)}; no backup can be made after that`,
      hint: 'prolong it, or put another in its place in encryption.recipients',
    },
  ]
}

function proof(key: KeyState, now: Date, { proveEveryMs = 90 * dayMs }: KeyExpectations): KeyFinding[] {
  // What opens nothing yet cannot be proved, and what is not configured any more need not be.
  if (key.encrypts.length === 0 || key.opens.length === 0) return []
  const hint = '`lifeboat keys prove` with that key, wherever it is kept'
  if (key.proved === null)
    return [
      {
        ...about(key, 'warning', 'key-unproved', null),
        message: `nobody has shown yet that ${nameOf(key)} opens a backup`,
        hint,
      },
    ]
  const provedMs = Date.parse(key.proved.at)
  if (now.getTime() - provedMs <= proveEveryMs) return []
  return [
    {
      ...about(key, 'warning', 'key-unproved', new Date(provedMs + proveEveryMs).toISOString()),
      message: `nobody has shown for ${days(now.getTime() - provedMs)} that ${nameOf(key)} opens a backup`,
      hint,
    },
  ]
}

function reach(key: KeyState): KeyFinding[] {
  const places = (backups: KeyState['opens']) =>
    backups.map(one => (one.set === undefined ? one.destination : `${one.destination} (objects ${one.set})`)).join(', ')
  if (key.encrypts.length === 0 && key.opens.length > 0)
    return [
      {
        ...about(key, 'info', 'key-not-configured', null),
        message: `${nameOf(key)} is not configured and opens the newest backup in ${places(key.opens)}`,
        hint: 'if its holder must not read backups any more: `lifeboat keys rotate`, then remove the old ones',
      },
    ]
  if (key.misses.length === 0) return []
  return [
    {
      ...about(key, 'info', 'key-opens-nothing-yet', null),
      message: `${nameOf(key)} does not open the newest backup in ${places(key.misses)}, which is older`,
      hint: 'the next backup is encrypted to it; `lifeboat keys rotate` does it for those that are there',
    },
  ]
}

function days(ms: number): string {
  const whole = Math.floor(ms / dayMs)
  return whole === 0 ? 'less than a day' : whole === 1 ? 'a day' : `${whole} days`
}

function about(key: KeyState, severity: KeyFinding['severity'], code: string, since: string | null) {
  return { severity, code, subject: key.key, since }
}

/** A key as people know it: whose it is, and the end of its fingerprint. */
export function nameOf({ key, kind, userIds }: Pick<KeyState, 'key' | 'kind' | 'userIds'>): string {
  if (kind === 'passphrase') return `the ${key}`
  const end = key.slice(-16)
  return userIds[0] === undefined ? `the key ${end}` : `the key of ${userIds[0]} (${end})`
}
