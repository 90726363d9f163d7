import { describe, expect, it } from 'vitest'
import { resolveConfig } from '../config/define-config.js'
import { secret } from '../config/secret.js'
import { memoryStore } from '../store/memory-store.js'
import type { LifecycleRule, StorePosture } from '../store/store-posture.js'
import { daysKept, judgePosture } from './judge-posture.js'

const rule: LifecycleRule = {
  ...{ id: 'tidy', prefix: '', enabled: true, expiresAfterDays: null, expiresVersionsAfterDays: null },
  ...{ abortsUploadsAfterDays: null, transitions: [] },
}
const quiet: StorePosture = {
  ...{ versioning: 'on', objectLock: { enabled: true, byDefault: null }, lifecycle: [] },
  ...{ openTo: [], publicAccessBlocked: true, notes: [], unknown: [] },
}
const retentionOf = (retention: object) => {
  const config = resolveConfig({
    products: {
      shop: {
        source: { url: secret.env('NOT_SET') },
        encryption: { passphrase: secret.env('NOT_SET') },
        destinations: { local: { store: memoryStore(), retention } },
      },
    },
  })
  return config.products.shop!.destinations.local!.retention
}
const lock = (days: number) => ({ mode: 'governance' as const, days, legalHold: false })
const judge = (
  retention: object,
  objectLock: ReturnType<typeof lock> | undefined,
  posture: Partial<StorePosture> = {},
) => judgePosture({ retention: retentionOf(retention), objectLock }, { ...quiet, ...posture }, { prefix: 'shop/' })
const bad = (lines: ReturnType<typeof judge>) => lines.filter(one => !one.ok).map(one => one.message)

describe('how long a retention keeps', () => {
  it.each([
    [{ keepWithin: '30d' }, 30],
    [{ keepWithin: '36h' }, 2],
    [{ daily: 30, monthly: 12 }, 372],
    [{ weekly: 4 }, 28],
    [{ yearly: 7 }, 2562],
    [{ last: 3 }, undefined],
    [{}, undefined],
  ])('%j: %s days', (retention, days) => expect(daysKept(retentionOf(retention))).toBe(days))
})

describe('a place against what its destination promises', () => {
  it('finds a lock that is shorter than the retention, and says for how many days', () => {
    expect(bad(judge({ keepWithin: '30d' }, lock(7)))).toEqual([
      'backups are locked for 7 days (governance), and the retention keeps 30d: for 23 days they can be removed',
    ])
    expect(bad(judge({ keepWithin: '30d' }, lock(30)))).toEqual([])
    const byDefault = { enabled: true, byDefault: { mode: 'compliance' as const, days: 5 } }
    expect(bad(judge({ daily: 10 }, undefined, { objectLock: byDefault }))).toEqual([
      'backups are locked for 5 days (compliance), and the retention keeps 10 days: for 5 days they can be removed',
    ])
  })

  it('says until when prune will find them locked, where the lock is longer', () => {
    const lines = judge({ keepWithin: '30d' }, lock(90))
    expect(lines.find(one => one.message.includes('are locked'))).toMatchObject({
      ok: true,
      hint: 'the retention lets go after 30 days: until 90 `prune` reports them as retained',
    })
  })

  it('finds a lock that is configured in a bucket without Object Lock', () => {
    const objectLock = { enabled: false, byDefault: null }
    expect(bad(judge({ keepWithin: '30d' }, lock(30), { objectLock }))).toEqual([
      'objectLock is configured, and the bucket has no Object Lock',
    ])
  })

  it('finds a rule of the bucket that removes what the retention keeps, where it concerns the product', () => {
    const expiring = (prefix: string) => [{ ...rule, prefix, expiresAfterDays: 7 }]
    const found = 'the lifecycle rule "tidy" removes objects after 7 days, and the retention keeps 30 days'
    for (const prefix of ['', 'shop/', 'sh', 'shop/2026'])
      expect(bad(judge({ keepWithin: '30d' }, lock(30), { lifecycle: expiring(prefix) }))).toEqual([found])
    for (const lifecycle of [expiring('blog/'), [{ ...expiring('')[0]!, enabled: false }]])
      expect(bad(judge({ keepWithin: '30d' }, lock(30), { lifecycle }))).toEqual([])
    expect(bad(judge({ keepWithin: '5d' }, lock(5), { lifecycle: expiring('') }))).toEqual([])
    expect(bad(judge({}, lock(5), { lifecycle: expiring('') }))).toHaveLength(1)
  })

  it('warns of a rule that moves manifests into an archive', () => {
    const lifecycle = [{ ...rule, transitions: [{ afterDays: 30, storageClass: 'GLACIER' }] }]
    const line = judge({}, undefined, { lifecycle }).find(one => one.message.includes('GLACIER'))
    expect(line?.hint).toContain('a listing cannot read those')
  })

  it('finds a bucket that lets strangers in', () => {
    expect(bad(judge({}, undefined, { openTo: ['policy', 'acl'] }))).toEqual([
      'strangers may get in: its policy and its ACL lets everybody',
    ])
  })

  it('says what the service does not tell, and holds it against nobody', () => {
    const unknown = [
      { what: 'versioning', why: 'these credentials may not ask' },
      { what: 'lifecycle', why: 'the service answers 501 NotImplemented' },
    ]
    const lines = judge({ keepWithin: '30d' }, lock(30), {
      ...{ versioning: null, objectLock: null, lifecycle: null, openTo: null, publicAccessBlocked: null, unknown },
    })
    expect(bad(lines)).toEqual([])
    expect(lines.at(-1)?.message).toBe(
      'not known: versioning (these credentials may not ask); lifecycle (the service answers 501 NotImplemented)',
    )
  })
})
