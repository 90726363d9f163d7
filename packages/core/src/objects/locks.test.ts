import { describe, expect, it } from 'vitest'
import { faulty } from '../../../testkit/src/faulty-store.js'
import type { BackupEvent } from '../events/backup-event.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { contentKey, snapshotsPrefix } from './object-layout.js'
import { lockOfContent, planExtension, recordOf, slackDays } from './plan-lock.js'
import { readSnapshots } from './snapshot.js'
import { readInventory } from './snapshot-files.js'
import { keyFolder, openShop, readers } from './testing/shop.js'

const day = 24 * 3_600_000
const now = new Date('2026-11-21T02:00:00Z')
const inDays = (days: number) => new Date(now.getTime() + days * day).toISOString()

describe('a lock of content', () => {
  const governance = { mode: 'governance', days: 30, legalHold: false } as const
  const held = { mode: 'governance', days: undefined, legalHold: true } as const

  it.each([
    ['was never set', governance, {}, { until: inDays(38), legalHold: false }],
    ['ends before the snapshot’s own', governance, { lockedUntil: inDays(29.9) }, { until: inDays(38) }],
    ['has ended', governance, { lockedUntil: inDays(-3) }, { until: inDays(38) }],
    ['ends with it', governance, { lockedUntil: inDays(30) }, undefined],
    ['ends later', governance, { lockedUntil: inDays(400) }, undefined],
    ['is a hold that is not on it', held, { lockedUntil: inDays(400) }, { until: undefined, legalHold: true }],
    ['is a hold that is on it', held, { held: true }, undefined],
    [
      'is a hold and days, and only the days are missing',
      { ...governance, legalHold: true },
      { held: true },
      { until: inDays(38), legalHold: false },
    ],
  ] as const)('that %s', (_, rule, recorded, expected) => {
    const planned = planExtension(rule, recorded, now)
    const seen = planned && { ...planned, until: planned.until?.toISOString() }
    if (expected === undefined) expect(seen).toBeUndefined()
    else expect(seen).toMatchObject(expected)
  })

  it('is never shorter than the rule, and set anew no oftener than once in its slack, whatever the days', () => {
    for (const days of [1, 2, 3, 7, 8, 30, 90, 365, 2557]) {
      const rule = { ...governance, days }
      let recorded = recordOf(lockOfContent(rule, now))
      let [extensions, last] = [0, 0]
      for (let night = 1; night <= 120; night++) {
        const at = new Date(now.getTime() + night * day)
        const extension = planExtension(rule, recorded, at)
        if (extension !== undefined) {
          recorded = recordOf(extension, recorded)
          expect(night - last).toBeGreaterThan(slackDays(days) - 1)
          last = night
          extensions += 1
        }
        const lasts = Date.parse(recorded.lockedUntil!) - at.getTime()
        expect(lasts).toBeGreaterThanOrEqual(days * day)
        expect(lasts).toBeLessThanOrEqual((days + slackDays(days)) * day)
      }
      expect(extensions).toBeGreaterThan(0)
    }
  })
})

const keyPairs = keyFolder('team', 'other')

interface Setup {
  readonly source?: ObjectStore
  readonly objectLock?: { readonly days?: number; readonly legalHold?: boolean }
  readonly retention?: object
  /** To whom is encrypted. Default: the team. */
  readonly keys?: readonly string[]
  readonly checkpointEvery?: { readonly objects: number; readonly bytes: number }
}

async function setUp(store: ObjectStore, clock: { now: Date }, { source = memoryStore(), ...options }: Setup) {
  // A pack and a checkpoint for each few objects.
  const { objectLock, retention, keys = ['team'], checkpointEvery = { objects: 5, bytes: 2 ** 20 } } = options
  const lifeboat = await openShop({
    ...{ from: source, store, keys: keyPairs, set: retention && { retention }, vault: objectLock && { objectLock } },
    encryption: { ...readers('team', 'team'), recipients: keys.map(name => `${name}.asc`) },
    deps: { now: () => clock.now, checkpointEvery },
  })
  return { source, lifeboat }
}

/** Everything that a set has in a store, with its lock. */
async function locksIn(store: ObjectStore, prefix = 'shop/objects/') {
  const found = new Map<string, Date | undefined>()
  for await (const { key } of store.list(prefix)) found.set(key, (await store.head(key))?.lockedUntil)
  return found
}

describe('copies of objects under a lock', () => {
  it('that are killed leave no checkpoint that a lock would keep, and what is taken over is locked as long as the rest', async () => {
    const clock = { now }
    const store = memoryStore({ objectLock: true })
    const rule = { objectLock: { days: 30 } }
    const source = memoryStore()
    for (let n = 10; n < 60; n++) await source.put(`photo ${n}`, bytesOf(`photo ${n}`))
    let died = false
    const watched = faulty(store, ({ step, key }) => {
      died ||= step === 'put' && key.endsWith('/00000007.gpg')
      if (died) throw Object.assign(new Error('the process is gone'), { code: 'EIO' })
    })
    const { extendLock } = store
    const dying = { ...watched, extendLock }
    const killed = await setUp(dying, clock, { source, ...rule })
    await expect(killed.lifeboat.copyObjects('shop', 'uploads')).rejects.toThrow()
    const checkpoints = [...(await locksIn(store, 'shop/objects/uploads/checkpoints/'))]
    expect(checkpoints.length).toBeGreaterThan(2)
    expect(checkpoints.filter(([, until]) => until !== undefined)).toEqual([])

    clock.now = new Date(now.getTime() + 20 * day)
    const { lifeboat } = await setUp(store, clock, { source, ...rule })
    const [copy] = (await lifeboat.copyObjects('shop', 'uploads')).destinations
    expect(copy!.resumed).toBeGreaterThan(4)
    expect(await locksIn(store, 'shop/objects/uploads/checkpoints/')).toEqual(new Map())
    for await (const { run, number, lockedUntil } of readInventory(
      { store, product: 'shop', set: 'uploads' },
      copy!.snapshot!,
      undefined,
    )) {
      const until = (await store.head(contentKey('shop', 'uploads', run, number)))?.lockedUntil
      expect(until!.getTime()).toBeGreaterThanOrEqual(clock.now.getTime() + 30 * day)
      expect(Date.parse(lockedUntil!)).toBeLessThanOrEqual(until!.getTime())
    }
  })

  it('have all that each snapshot needs locked for as long as its head, over weeks of changes; prune waits for that', async () => {
    const clock = { now }
    const store = memoryStore({ now: () => clock.now, objectLock: true })
    let extensions = 0
    const counted: ObjectStore = {
      ...store,
      extendLock(...call) {
        extensions += 1
        return store.extendLock!(...call)
      },
    }
    const { source, lifeboat } = await setUp(counted, clock, {
      objectLock: { days: 4 },
      retention: { last: 2, minimum: 1 },
    })
    for (const key of ['a', 'b', 'c']) await source.put(key, bytesOf(`first ${key}`))
    const gone: number[] = []
    for (let night = 0; night < 16; night++) {
      clock.now = new Date(now.getTime() + night * day)
      if (night % 5 === 1) await source.put('b', bytesOf(`night ${night}`))
      expect((await lifeboat.copyObjects('shop', 'uploads')).status).toBe('complete')
      const place = { store, product: 'shop', set: 'uploads' }
      const locks = await locksIn(store)
      const { snapshots } = await readSnapshots(place, undefined)
      for (const snapshot of snapshots) {
        const head = locks.get(`${snapshotsPrefix('shop', 'uploads')}${snapshot.id}.json`)
        for await (const { run, number, lockedUntil } of readInventory(place, snapshot, undefined)) {
          const actual = locks.get(contentKey('shop', 'uploads', run, number))
          // What is told of it is never more than what is.
          if (actual !== undefined) expect(actual.getTime()).toBeGreaterThanOrEqual(Date.parse(lockedUntil!))
          if (head !== undefined) expect(actual?.getTime()).toBeGreaterThanOrEqual(head.getTime())
        }
      }
      const [pruned] = await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
      expect(pruned?.plan.keep.length).toBeLessThanOrEqual(2)
      gone.push(pruned!.removed.length)
    }
    // Until the first lock ends nothing goes; after that one a night does.
    expect(gone).toEqual([0, 0, 0, 0, ...Array(12).fill(1)])
    expect(extensions).toBeGreaterThan(0)
    expect(extensions).toBeLessThan(16 * 2)
    expect([...(await locksIn(store, 'shop/locks/')).keys()]).toEqual([])
  })

  it('lock what a killed run left, once it is taken over, and what a rotation of keys writes; notes of runs stay free', async () => {
    const clock = { now }
    const store = memoryStore({ now: () => clock.now, objectLock: true })
    let dead = false
    const mortal = faulty(store, ({ step, key }) => {
      dead ||= step === 'put' && key.includes('/listings/')
      if (dead) throw new Error('the process is gone')
    })
    const { extendLock, removeForGood } = store
    const options = { objectLock: { days: 4 }, checkpointEvery: { objects: 1, bytes: 1 } }
    const { source, lifeboat } = await setUp({ ...mortal, extendLock: extendLock! }, clock, options)
    for (const key of ['a', 'b', 'c']) await source.put(key, bytesOf('x'.repeat(2 ** 20 + 1)))
    await expect(lifeboat.copyObjects('shop', 'uploads')).rejects.toThrow()
    const left = [...(await locksIn(store)).keys()].filter(key => key.includes('/content/'))
    const notes = await locksIn(store, 'shop/objects/uploads/checkpoints/')
    expect(notes.size).toBeGreaterThan(0)
    expect([...notes.values()].every(until => until === undefined)).toBe(true)

    // Its lock would end before the snapshot's that needs it now.
    clock.now = new Date(now.getTime() + 3 * day)
    const { lifeboat: next } = await setUp(store, clock, { ...options, source })
    const { destinations } = await next.copyObjects('shop', 'uploads')
    expect(destinations[0]?.resumed).toBeGreaterThan(0)
    expect((await locksIn(store, 'shop/objects/uploads/checkpoints/')).size).toBe(0)
    const after = await locksIn(store)
    const place = { store, product: 'shop', set: 'uploads' }
    const taken = []
    for await (const { run, number } of readInventory(place, destinations[0]!.snapshot!, undefined))
      if (left.includes(contentKey('shop', 'uploads', run, number)))
        taken.push(contentKey('shop', 'uploads', run, number))
    expect(taken).toHaveLength(destinations[0]!.resumed)
    for (const key of taken) expect(after.get(key)?.toISOString(), key).toBe(inDays(3 + 5))

    clock.now = new Date(now.getTime() + 4 * day)
    const { lifeboat: rotating } = await setUp(store, clock, { ...options, source, keys: ['team', 'other'] })
    const [rotated] = await rotating.rotateObjects('shop', 'uploads', { apply: true, removeOld: true })
    expect(rotated?.snapshots).toMatchObject([{ outcome: 'rotated', verified: 'content', removedOld: false }])
    expect(rotated?.snapshots[0]?.kept).toMatch(/is locked until/)
    // A record of what was read is removed with its snapshot, by whoever prunes.
    for (const [key, until] of await locksIn(store))
      if (key.includes('/verifications/')) expect(until, key).toBeUndefined()
      else if (!after.has(key)) expect(until?.getTime(), key).toBeGreaterThanOrEqual(Date.parse(inDays(4 + 4)))
    expect((await removeForGood!(taken[0]!)).state).toBe('kept')
  })

  it('fail where a lock cannot be set anew, and say how to go on where what needs it is gone', async () => {
    const clock = { now }
    const store = memoryStore({ now: () => clock.now, objectLock: true })
    let refusing = false
    const { source, lifeboat } = await setUp(
      {
        ...store,
        extendLock: (...call) => (refusing ? Promise.reject(new Error('AccessDenied')) : store.extendLock!(...call)),
        classify: error => ((error as Error).message === 'AccessDenied' ? 'store-auth-failed' : store.classify(error)),
      },
      clock,
      { objectLock: { days: 4 } },
    )
    await source.put('a', bytesOf('first'))
    const { destinations } = await lifeboat.copyObjects('shop', 'uploads')
    clock.now = new Date(now.getTime() + 10 * day)
    refusing = true
    await expect(lifeboat.copyObjects('shop', 'uploads')).rejects.toMatchObject({ code: 'store-auth-failed' })
    refusing = false
    // Its lock has ended meanwhile, and somebody removed it.
    await store.remove(contentKey('shop', 'uploads', destinations[0]!.snapshot!.id, 1))
    await expect(lifeboat.copyObjects('shop', 'uploads')).rejects.toMatchObject({
      ...{ code: 'object-missing', hint: expect.stringContaining('--full') },
    })
    await lifeboat.copyObjects('shop', 'uploads', { full: true })
    expect(await lifeboat.verifyObjects('shop', 'uploads')).toMatchObject({ ok: true, read: 1 })
  })

  it('lock what lies there already once the rule comes, hold what is to be held, and say what a prune may not free', async () => {
    const clock = { now }
    const store = memoryStore({ now: () => clock.now, objectLock: true })
    const { source, lifeboat: unlocked } = await setUp(store, clock, {})
    await source.put('a', bytesOf('first'))
    await unlocked.copyObjects('shop', 'uploads')
    expect([...(await locksIn(store)).values()]).toEqual([undefined, undefined, undefined, undefined])
    const events: BackupEvent[] = []
    const put: ObjectStore['put'] = (key, ...rest) =>
      key.includes('/snapshots/') ? Promise.reject(new Error('no room')) : store.put(key, ...rest)
    const failing = await setUp({ ...store, put }, clock, { objectLock: { days: 4 }, source })
    await source.put('b', bytesOf('second'))
    const options = { onEvent: (event: BackupEvent) => void events.push(event) }
    await expect(failing.lifeboat.copyObjects('shop', 'uploads', options)).rejects.toThrow(/no room/)
    expect(events.find(one => one.type === 'warning.raised')).toMatchObject({
      message: expect.stringMatching(/is locked, and stays; a prune removes it once it is not any more/),
    })
    const { lifeboat } = await setUp(store, clock, {
      source,
      objectLock: { days: 4, legalHold: true },
      retention: { last: 1, minimum: 1 },
    })
    clock.now = new Date(now.getTime() + 1000)
    const { destinations } = await lifeboat.copyObjects('shop', 'uploads')
    expect(destinations[0]).toMatchObject({ added: 1, unchanged: 1 })
    clock.now = new Date(now.getTime() + 2 * day)
    const [locked] = await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    expect(locked).toMatchObject({
      unneeded: { count: 3 },
      locked: { count: 3, until: inDays(5) },
      freed: { count: 0 },
      retained: [],
    })
    clock.now = new Date(now.getTime() + 6 * day)
    const [freed] = await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    expect(freed).toMatchObject({ unneeded: { count: 3 }, locked: { count: 0, until: null }, freed: { count: 3 } })
    // Held for good, whatever the days are: what the run before the rule stored as well.
    const left = [...(await locksIn(store)).keys()]
    expect(left).toHaveLength(5)
    for (const key of left) expect((await store.head(key))?.retained, key).toBe('under a legal hold')
  })
})
