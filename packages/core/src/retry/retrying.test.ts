import { describe, expect, it } from 'vitest'
import { faulty, type StoreMoment } from '../../../testkit/src/faulty-store.js'
import { BackupError } from '../errors/backup-error.js'
import type { BackupEvent } from '../events/backup-event.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { type ByteSource, bytesOf, readWhole } from '../streams/byte-source.js'
import { objectStoreSuite } from '../testing/object-store-suite.js'
import { defaultRetryPolicy, nextDelayMs, type RetryPolicy } from './retry-policy.js'
import { retrying } from './retrying.js'

const quick: RetryPolicy = { attempts: 4, firstDelayMs: 1, longestDelayMs: 2, budgetMs: 1000 }
const around = (store: ObjectStore, events: BackupEvent[] = []) =>
  retrying(store, { destination: 'local', emit: event => void events.push(event), policy: quick })

objectStoreSuite(
  { describe, it },
  {
    name: 'retrying around memory',
    makeStore: () => around(memoryStore()),
    makeLockingStore: () => around(memoryStore({ objectLock: true })),
  },
)

const unreachable = () => new BackupError('store-unreachable', '503 slow down')
const refused = () => new BackupError('store-auth-failed', '403 forbidden')

/** Fails the first `times` steps of a kind. */
function failing(step: StoreMoment['step'], times: number, error = unreachable, inner = memoryStore()): ObjectStore {
  return faulty(inner, moment => {
    if (moment.step === step && moment.ofKind < times) throw error()
  })
}

const calls: [StoreMoment['step'], (store: ObjectStore) => Promise<unknown>][] = [
  ['put', store => store.put('k', bytesOf('small'))],
  ['get', store => readWhole(store.get('there'), 100)],
  ['head', store => store.head('there')],
  ['list', store => keysOf(store)],
  ['remove', store => store.remove('there')],
]

describe('retrying: a put that is too long to be held', () => {
  // What it holds open, a file or a connection, would stay open until the process ends.
  it('lets its source go when the store refuses it before it reads', async () => {
    let gone = false
    async function* long(): ByteSource {
      try {
        for (;;) yield new Uint8Array(400_000)
      } finally {
        gone = true
      }
    }
    await expect(around(failing('put', 1, refused)).put('k', long())).rejects.toThrow('403')
    await new Promise(resolve => setImmediate(resolve))
    expect(gone).toBe(true)
  })
})

describe.each(calls)('retrying: %s', (step, call) => {
  it('is repeated while it cannot be reached, and every wait is told', async () => {
    const inner = memoryStore()
    await inner.put('there', bytesOf('x'))
    const events: BackupEvent[] = []
    await call(around(failing(step, 3, unreachable, inner), events))
    expect(events).toMatchObject(
      [2, 3, 4].map(attempt => ({
        ...{ type: 'retry.scheduled', destination: 'local', attempt, code: 'store-unreachable' },
        doing: expect.stringContaining(step),
      })),
    )
  })

  it('fails with the failure itself when the attempts are used up', async () => {
    const inner = memoryStore()
    await inner.put('there', bytesOf('x'))
    await expect(call(around(failing(step, 4, unreachable, inner)))).rejects.toThrow('503 slow down')
  })

  it('is not repeated when it is refused', async () => {
    const events: BackupEvent[] = []
    await expect(call(around(failing(step, 1, refused), events))).rejects.toThrow('403 forbidden')
    expect(events).toEqual([])
  })
})

describe('retrying', () => {
  it('begins a listing anew that broke off, and gives every key once', async () => {
    const inner = memoryStore()
    for (let n = 0; n < 5; n++) await inner.put(`k${n}`, bytesOf('x'))
    let broken = false
    const store: ObjectStore = {
      ...inner,
      async *list(prefix, options) {
        let given = 0
        for await (const one of inner.list(prefix, options)) {
          if (given++ === 3 && !broken) {
            broken = true
            throw unreachable()
          }
          yield one
        }
      },
    }
    expect((await keysOf(around(store))).sort()).toEqual(['k0', 'k1', 'k2', 'k3', 'k4'])
    expect(broken).toBe(true)
  })

  it('does not begin a read anew that has given bytes', async () => {
    const inner = memoryStore()
    await inner.put('k', bytesOf('first', 'second'))
    const store: ObjectStore = {
      ...inner,
      async *get() {
        yield Buffer.from('first')
        throw unreachable()
      },
    }
    await expect(readWhole(around(store).get('k'), 100)).rejects.toThrow('503')
  })

  it('does not repeat a put whose source it cannot have twice', async () => {
    async function* large(): ByteSource {
      for (let n = 0; n < 3; n++) yield Buffer.alloc(600_000)
    }
    const events: BackupEvent[] = []
    await expect(around(failing('put', 1), events).put('k', large())).rejects.toThrow('503')
    expect(events).toEqual([])
    const store = around(memoryStore())
    await store.put('k', large())
    expect((await store.head('k'))?.sizeBytes).toBe(1_800_000)
  })

  it('knows its own work when the answer to a conditional put was lost', async () => {
    const inner = memoryStore()
    let lost = 0
    const store: ObjectStore = {
      ...inner,
      async put(key, source, options) {
        const stored = await inner.put(key, source, options)
        if (lost++ === 0) throw unreachable()
        return stored
      },
    }
    expect(await around(store).put('k', bytesOf('mine'), { ifAbsent: true })).toMatchObject({ key: 'k', sizeBytes: 4 })
    lost = 0
    await expect(around(store).put('k', bytesOf('other'), { ifAbsent: true })).rejects.toMatchObject({
      code: 'object-exists',
    })
  })

  it('leaves a store alone that repeats its own requests, and hears of what it does', async () => {
    const events: BackupEvent[] = []
    let calls = 0
    const inner: ObjectStore = {
      ...memoryStore(),
      retriesRequests: true,
      head: async (_, options) => {
        calls++
        options?.onRetry?.({ doing: 'HeadObject', attempt: 2, delayMs: 7, code: 'store-unreachable' })
        throw unreachable()
      },
    }
    await expect(around(inner, events).head('k')).rejects.toThrow('503')
    expect(calls).toBe(1)
    expect(events).toEqual([
      {
        ...{ type: 'retry.scheduled', destination: 'local', doing: 'HeadObject', attempt: 2, delayMs: 7 },
        code: 'store-unreachable',
      },
    ])
  })

  it('stops waiting when it is cancelled', async () => {
    const stop = new AbortController()
    const store = retrying(failing('head', 9), {
      destination: 'local',
      emit: () => stop.abort(new Error('enough')),
      policy: { attempts: 9, firstDelayMs: 3_600_000, longestDelayMs: 3_600_000, budgetMs: 9e9 },
    })
    await expect(store.head('k', { signal: stop.signal })).rejects.toThrow('enough')
  })
})

describe('nextDelayMs', () => {
  const most = () => 0.999999
  it('doubles its window up to the longest, and ends after the last attempt', () => {
    const delays = [1, 2, 3, 4, 5, 6].map(failures => nextDelayMs(defaultRetryPolicy, { failures, waitedMs: 0 }, most))
    expect(delays).toEqual([300, 600, 1200, 2400, 4800, undefined])
  })

  it('draws from all of the window', () => {
    expect(nextDelayMs(defaultRetryPolicy, { failures: 3, waitedMs: 0 }, () => 0)).toBe(0)
  })

  it('waits at least as long as the service asks, but never past the budget', () => {
    const history = { failures: 1, waitedMs: 50_000 }
    expect(nextDelayMs(defaultRetryPolicy, { ...history, askedMs: 5_000 }, most)).toBe(5_300)
    expect(nextDelayMs(defaultRetryPolicy, { ...history, askedMs: 3_600_000 }, most)).toBeUndefined()
  })
})

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys
}
