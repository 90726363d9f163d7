import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { lockKey, readLockRecord } from './lock-record.js'
import { acquireStoreLock, type StoreLock } from './store-lock.js'

const leaseMs = 60_000
const start = Date.parse('2026-11-21T02:00:00Z')

function lockOf(store: ObjectStore, holder: string, now: () => Date, purpose = 'backup'): Promise<StoreLock> {
  return acquireStoreLock(store, { product: 'shop', purpose, holder, leaseMs, now })
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys
}

/** The holder, or undefined when the lock was refused. */
async function tried(lock: Promise<StoreLock>): Promise<StoreLock | undefined> {
  try {
    return await lock
  } catch (error) {
    if (isBackupError(error, 'locked')) return undefined
    throw error
  }
}

/** A store whose calls take effect in an order that the scheduler draws. */
function shuffled(store: ObjectStore, scheduler: fc.Scheduler): ObjectStore {
  const turn = () => scheduler.schedule(Promise.resolve())
  return {
    ...store,
    put: async (...args) => {
      await turn()
      return store.put(...args)
    },
    remove: async (...args) => {
      await turn()
      return store.remove(...args)
    },
    get: (...args) =>
      (async function* () {
        await turn()
        yield* store.get(...args)
      })(),
  }
}

describe('a lock in a store', () => {
  it('is refused while another holds it, and says who and until when', async () => {
    const store = memoryStore()
    const now = () => new Date(start)
    const lock = await lockOf(store, 'ann@one, process 7', now)
    await expect(lockOf(store, 'bob@two, process 8', now, 'prune')).rejects.toMatchObject({
      code: 'locked',
      message: 'shop is locked by ann@one, process 7, for a backup since 2026-11-21T02:00:00.000Z',
      hint: expect.stringContaining('2026-11-21T02:01:00.000Z'),
    })
    const copying = { product: 'shop', name: 'objects-uploads', purpose: 'copy', leaseMs, now } as const
    const copy = await acquireStoreLock(store, { ...copying, holder: 'ann@one' })
    await expect(acquireStoreLock(store, { ...copying, holder: 'bob@two' })).rejects.toMatchObject({
      message: expect.stringMatching(/^the set uploads of shop is locked by ann@one, for a copy since /),
    })
    await copy.release()
    await lock.release()
    expect(await keysOf(store)).toEqual([])
    await (await lockOf(store, 'bob@two, process 8', now)).release()
  })

  it('is not let go while it is renewed, and is once its holder is silent for a lease', async () => {
    const store = memoryStore()
    let time = start
    const now = () => new Date(time)
    const lock = await lockOf(store, 'one', now)
    for (let i = 0; i < 10; i++) {
      time += leaseMs / 2
      await lock.renew()
      expect(await tried(lockOf(store, 'two', now))).toBeUndefined()
    }
    time += leaseMs * 2 + 1
    const second = await lockOf(store, 'two', now)
    await expect(lock.renew()).rejects.toMatchObject({ code: 'locked' })
    await lock.release()
    expect((await readLockRecord(store, lockKey('shop'), undefined))?.holder).toBe('two')
    await second.release()
    expect(await keysOf(store)).toEqual([])
  })

  it('is not renewed after its end beside somebody who takes it over: one of the two has it', async () => {
    const store = memoryStore()
    let time = start
    const now = () => new Date(time)
    const slept = await lockOf(store, 'slept', now)
    let goOn = () => {}
    const waiting = new Promise<void>(resolve => {
      goOn = resolve
    })
    const slow: ObjectStore = {
      ...store,
      async put(key, source, options) {
        if (!options?.ifAbsent) await waiting
        return store.put(key, source, options)
      },
    }
    time += leaseMs + 1
    const taking = lockOf(slow, 'awake', now)
    await expect.poll(() => keysOf(store)).toHaveLength(2)
    await expect(slept.renew()).rejects.toMatchObject({ code: 'locked' })
    goOn()
    const taken = await taking
    await taken.renew()
    await slept.release()
    expect((await readLockRecord(store, lockKey('shop'), undefined))?.holder).toBe('awake')
  })

  it('that nobody took over after its end is renewed all the same', async () => {
    const store = memoryStore()
    let time = start
    const lock = await lockOf(store, 'slept', () => new Date(time))
    time += leaseMs * 5
    await lock.renew()
    expect(await tried(lockOf(store, 'late', () => new Date(time)))).toBeUndefined()
    await lock.release()
    expect(await keysOf(store)).toEqual([])
  })

  it('is held by whoever wrote it, although the answer to that was lost', async () => {
    const store = memoryStore()
    const forgetful: ObjectStore = {
      ...store,
      async put(key, source, options) {
        await store.put(key, source, options)
        throw new BackupError('object-exists', 'the second attempt met the first')
      },
    }
    const lock = await lockOf(forgetful, 'one', () => new Date(start))
    expect(await tried(lockOf(store, 'two', () => new Date(start)))).toBeUndefined()
    await lock.release()
    expect(await keysOf(store)).toEqual([])
  })

  it('outwaits a claimant that died between its claim and the lock', async () => {
    const store = memoryStore()
    let time = start
    const now = () => new Date(time)
    await lockOf(store, 'dead', now)
    const dying: ObjectStore = {
      ...store,
      put: (key, source, options) => (options?.ifAbsent ? store.put(key, source, options) : new Promise(() => {})),
    }
    time += leaseMs * 3
    void lockOf(dying, 'dying', now)
    await expect.poll(() => keysOf(store)).toHaveLength(2)
    expect(await tried(lockOf(store, 'early', now))).toBeUndefined()
    time += leaseMs
    expect(await tried(lockOf(store, 'late', now))).toBeDefined()
  })

  it('is over at its release also where nothing may be deleted', async () => {
    const store: ObjectStore = { ...memoryStore(), remove: () => Promise.reject(new Error('AccessDenied')) }
    const now = () => new Date(start)
    for (const holder of ['one', 'two', 'three']) {
      const lock = await lockOf(store, holder, now)
      expect(await tried(lockOf(store, 'another', now))).toBeUndefined()
      await lock.release()
    }
  })

  it('that cannot be read counts as expired', async () => {
    const store = memoryStore()
    // A claim to it has the token in its key: one that would lead elsewhere is no token.
    const elsewhere = JSON.stringify({
      ...{ token: 'x/../../../blog/20261121T020000Z-7f3k9q', purpose: 'backup', holder: 'them' },
      ...{ acquiredAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-01-01T00:00:00.000Z' },
    })
    for (const text of ['', 'not JSON', '{}', 'x'.repeat(100_000), elsewhere]) {
      await store.put(lockKey('shop'), bytesOf(text))
      const lock = await lockOf(store, 'one', () => new Date(start))
      await lock.release()
      expect(await keysOf(store)).toEqual([])
    }
  })

  it('is won by one of several racers, whatever the order of their calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 5 }), async (scheduler, racers) => {
        const store = shuffled(memoryStore(), scheduler)
        const all = Promise.all(
          Array.from({ length: racers }, (_, index) => tried(lockOf(store, `racer ${index}`, () => new Date(start)))),
        )
        await scheduler.waitFor(all)
        expect((await all).filter(lock => lock !== undefined)).toHaveLength(1)
      }),
    )
  })

  it('is taken over from a dead holder by at most one racer, whatever the order of their calls', async () => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, racers) => {
        const inner = memoryStore()
        await lockOf(inner, 'dead', () => new Date(start))
        const store = shuffled(inner, scheduler)
        const late = () => new Date(start + 3 * leaseMs)
        const all = Promise.all(
          Array.from({ length: racers }, (_, index) => tried(lockOf(store, `racer ${index}`, late))),
        )
        await scheduler.waitFor(all)
        const holders = (await all).filter(lock => lock !== undefined)
        expect(holders.length).toBeLessThanOrEqual(1)
        taken += holders.length
        expect(await keysOf(inner)).toEqual([lockKey('shop')])
      }),
      { numRuns: 300 },
    )
    expect(taken).toBeGreaterThan(250)
  })

  it('is taken over by at most one racer also where their clocks differ by less than a lease', async () => {
    let taken = 0
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.integer({ min: -leaseMs / 2 + 1, max: leaseMs / 2 - 1 }), { minLength: 2, maxLength: 3 }),
        async (scheduler, skews) => {
          const inner = memoryStore()
          await lockOf(inner, 'dead', () => new Date(start))
          const store = shuffled(inner, scheduler)
          // All of them take it for dead, in this lease of its silence or in the next.
          const late = (skew: number) => () => new Date(start + 3 * leaseMs + skew)
          const all = Promise.all(skews.map((skew, index) => tried(lockOf(store, `racer ${index}`, late(skew)))))
          await scheduler.waitFor(all)
          const holders = (await all).filter(lock => lock !== undefined)
          expect(holders.length).toBeLessThanOrEqual(1)
          taken += holders.length
        },
      ),
      { numRuns: 300 },
    )
    expect(taken).toBeGreaterThan(100)
  })

  it('released at any moment of a race is never held twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async scheduler => {
        const store = shuffled(memoryStore(), scheduler)
        let inside = 0
        const work = async (name: string) => {
          for (let round = 0; round < 3; round++) {
            const lock = await tried(lockOf(store, name, () => new Date(start)))
            if (lock === undefined) continue
            inside++
            expect(inside).toBe(1)
            await scheduler.schedule(Promise.resolve())
            inside--
            await lock.release()
          }
        }
        const all = Promise.all([work('one'), work('two'), work('three')])
        await scheduler.waitFor(all)
        await all
      }),
    )
  })
})
