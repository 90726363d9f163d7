import { describe, expect, it, vi } from 'vitest'
import { BackupError } from '../errors/backup-error.js'
import type { BackupEvent } from '../events/backup-event.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { type LockWork, withLocks } from './hold-locks.js'
import { lockKey, readLockRecord } from './lock-record.js'

function workOn(stores: Record<string, ObjectStore>, more: Partial<LockWork> = {}): LockWork {
  return {
    product: 'shop',
    purpose: 'backup',
    stores: Object.entries(stores).map(([name, store]) => ({ name, store })),
    leaseMs: 60_000,
    now: () => new Date(),
    emit: () => {},
    ...more,
  }
}

const down: ObjectStore = {
  ...memoryStore(),
  put: () => Promise.reject(new BackupError('store-unreachable', 'the store is down')),
}

describe('withLocks', () => {
  it('holds every store while the work runs, and none after, whether it succeeds or fails', async () => {
    const stores = { a: memoryStore(), b: memoryStore() }
    const held = async () => Promise.all(Object.values(stores).map(store => store.head(lockKey('shop'))))
    await withLocks(workOn(stores), async () => {
      expect(await held()).not.toContain(undefined)
      await expect(withLocks(workOn(stores), async () => 'twice')).rejects.toMatchObject({ code: 'locked' })
    })
    expect(await held()).toEqual([undefined, undefined])
    const failing = withLocks(workOn(stores), () => Promise.reject(new Error('broken work')))
    await expect(failing).rejects.toThrow('broken work')
    expect(await held()).toEqual([undefined, undefined])
  })

  it('gives back what it took when a later store is locked', async () => {
    const [a, b] = [memoryStore(), memoryStore()]
    await withLocks(workOn({ b }), async () => {
      await expect(withLocks(workOn({ a, b }), async () => 'no')).rejects.toMatchObject({ code: 'locked' })
      expect(await a.head(lockKey('shop'))).toBeUndefined()
    })
  })

  it('goes on without a store that does not answer, and says so', async () => {
    const events: BackupEvent[] = []
    const done = await withLocks(
      workOn({ a: memoryStore(), down }, { emit: event => events.push(event) }),
      async () => 7,
    )
    expect(done).toBe(7)
    expect(events).toEqual([{ type: 'warning.raised', message: 'down is not locked: the store is down' }])
  })

  it('aborts the work when somebody took the lock over, and leaves theirs', async () => {
    const store = memoryStore()
    const work = withLocks(workOn({ store }, { leaseMs: 40 }), async signal => {
      await store.put(
        lockKey('shop'),
        (async function* () {
          yield Buffer.from(
            JSON.stringify({
              ...{ token: 'theirs', purpose: 'backup', holder: 'them' },
              ...{ acquiredAt: '2026-11-21T02:00:00Z', expiresAt: '2099-01-01T00:00:00Z' },
            }),
          )
        })(),
      )
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      throw signal.reason
    })
    await expect(work).rejects.toMatchObject({ code: 'locked', message: 'the lock of shop in store was lost' })
    expect(await store.head(lockKey('shop'))).toBeDefined()
  })

  it('aborts the work when the store stays silent for a lease', async () => {
    const store = memoryStore()
    let silent = false
    const failing: ObjectStore = {
      ...store,
      put: (...args) => (silent ? down.put(...args) : store.put(...args)),
    }
    const work = withLocks(workOn({ failing }, { leaseMs: 40 }), async signal => {
      silent = true
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      throw signal.reason
    })
    await expect(work).rejects.toMatchObject({ code: 'locked', hint: expect.stringContaining('did not answer') })
  })

  it('goes on without a store that falls silent while another is held, and aborts when that one does, too', async () => {
    vi.useFakeTimers()
    try {
      const events: BackupEvent[] = []
      const silent = new Set<string>()
      const store = (name: string): ObjectStore => {
        const inner = memoryStore()
        return { ...inner, put: (...args) => (silent.has(name) ? down.put(...args) : inner.put(...args)) }
      }
      let over = false
      const emit = (event: BackupEvent) => void events.push(event)
      const work = withLocks(workOn({ a: store('a'), b: store('b') }, { emit }), async signal => {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        over = true
        throw signal.reason
      })
      const refused = expect(work).rejects.toMatchObject({ message: 'the lock of shop in b was lost' })
      silent.add('a')
      await vi.advanceTimersByTimeAsync(600_000)
      expect(over).toBe(false)
      expect(events).toEqual([{ type: 'warning.raised', message: expect.stringMatching(/^a is not locked any more/) }])
      silent.add('b')
      await vi.advanceTimersByTimeAsync(120_000)
      await refused
    } finally {
      vi.useRealTimers()
    }
  })

  it('aborts the work when the store neither answers nor fails', async () => {
    const store = memoryStore()
    let silent = false
    const hanging: ObjectStore = {
      ...store,
      get: (...args) => (silent ? nothing() : store.get(...args)),
    }
    const work = withLocks(workOn({ hanging }, { leaseMs: 40 }), async signal => {
      silent = true
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      silent = false
      release()
      throw signal.reason
    })
    await expect(work).rejects.toMatchObject({ code: 'locked', hint: expect.stringContaining('did not answer') })

    async function* nothing() {
      await new Promise<void>(resolve => {
        release = resolve
      })
      throw new Error('the connection timed out at last')
    }
  })

  it('gives up before its lease is over also where the last renewal took long', async () => {
    vi.useFakeTimers()
    try {
      const store = memoryStore()
      let last = ''
      let renewals = 0
      const slow: ObjectStore = {
        ...store,
        async put(key, source, options) {
          if (options?.ifAbsent) return store.put(key, source, options)
          if (++renewals > 1) throw new BackupError('store-unreachable', 'the store is down')
          const put = await store.put(key, source, options)
          last = (await readLockRecord(store, key, undefined))!.expiresAt
          await new Promise(resolve => setTimeout(resolve, 30_000))
          return put
        },
      }
      let gaveUp = ''
      const work = withLocks(workOn({ slow }), async signal => {
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        gaveUp = new Date().toISOString()
        throw signal.reason
      })
      const refused = expect(work).rejects.toMatchObject({ hint: expect.stringContaining('did not answer') })
      await vi.advanceTimersByTimeAsync(120_000)
      await refused
      expect(renewals).toBeGreaterThan(1)
      expect(gaveUp < last, `${gaveUp} < ${last}`).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  it.each(['prune', 'sweep', 'copy'] as const)('does not begin a %s in a store that it cannot lock', async purpose => {
    let begun = false
    const work = withLocks(workOn({ down }, { purpose }), async () => {
      begun = true
    })
    await expect(work).rejects.toMatchObject({ code: 'store-unreachable', message: 'the store is down' })
    expect(begun).toBe(false)
  })

  it('leaves no lock behind when a renewal is under way at its end', async () => {
    const store = memoryStore()
    let puts = 0
    const slow: ObjectStore = {
      ...store,
      async put(...args) {
        if (puts++ > 0) await new Promise(resolve => setTimeout(resolve, 30))
        return store.put(...args)
      },
    }
    await withLocks(workOn({ slow }, { leaseMs: 400 }), async () => {
      while (puts < 2) await new Promise(resolve => setTimeout(resolve, 1))
    })
    await new Promise(resolve => setTimeout(resolve, 60))
    expect(await store.head(lockKey('shop'))).toBeUndefined()
  })
})

let release: () => void = () => {}
