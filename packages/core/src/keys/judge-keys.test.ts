import { describe, expect, it } from 'vitest'
import { judgeKeys } from './judge-keys.js'
import type { KeyState } from './key-state.js'

const day = 24 * 3_600_000
const now = new Date('2026-11-21T12:00:00.000Z')
const at = (daysFromNow: number) => new Date(now.getTime() + daysFromNow * day).toISOString()
const backup = { destination: 'local', id: '20261121T020000Z-7f3k9q', createdAt: at(-0.4) }
const provedAgo = (days: number): KeyState['proved'] => ({ ...backup, at: at(-days), by: 'proof' })

function key(changes: Partial<KeyState> = {}): KeyState {
  return {
    ...{
      key: 'ab'.repeat(20),
      kind: 'public-key',
      userIds: ['Team <team@example.org>'],
      expiresAt: null,
      unusable: null,
    },
    ...{ encrypts: ['local'], opens: [backup], misses: [], proved: provedAgo(1) },
    ...changes,
  }
}

const found = (changes: Partial<KeyState>, proveEveryDays = 90) =>
  judgeKeys([key(changes)], now, { proveEveryMs: proveEveryDays * day }).map(one => `${one.severity} ${one.code}`)

describe('judgeKeys', () => {
  it('is content with a key that somebody proved in time and that does not expire', () => {
    expect(found({})).toEqual([])
    expect(found({ proved: provedAgo(90) })).toEqual([])
    expect(found({ expiresAt: at(31) })).toEqual([])
  })

  it('finds a key that nobody proved for as long as is allowed, and since when that is', () => {
    const proved = provedAgo(91)
    expect(found({ proved })).toEqual(['warning key-unproved'])
    expect(found({ proved }, 180)).toEqual([])
    const [finding] = judgeKeys([key({ proved })], now, { proveEveryMs: 90 * day })
    expect(finding).toMatchObject({ subject: 'ab'.repeat(20), since: at(-1) })
    expect(finding?.message).toBe(
      'nobody has shown for 91 days that the key of Team <team@example.org> (abababababababab) opens a backup',
    )
  })

  it('finds one that was never proved, once there is a backup to prove it on', () => {
    expect(found({ proved: null })).toEqual(['warning key-unproved'])
    expect(found({ proved: null, opens: [] })).toEqual([])
    expect(found({ proved: null, kind: 'passphrase', key: 'passphrase', userIds: [] })).toEqual([
      'warning key-unproved',
    ])
  })

  it('finds one that expired, with which no backup can be made, and one that is about to', () => {
    expect(found({ expiresAt: at(-1), unusable: 'expired' })).toEqual(['critical key-expired'])
    expect(found({ expiresAt: at(29) })).toEqual(['warning key-expires-soon'])
    expect(found({ unusable: 'it was revoked' })).toEqual(['critical key-unusable'])
  })

  it('says which keys open the newest backup and should not, or should and do not', () => {
    expect(found({ encrypts: [], proved: null, expiresAt: at(-1) })).toEqual(['info key-not-configured'])
    expect(found({ opens: [], misses: [backup], proved: null })).toEqual(['info key-opens-nothing-yet'])
  })
})
