import { describe, expect, it } from 'vitest'
import { resolveConfig } from '../config/define-config.js'
import { secret } from '../config/secret.js'
import { memoryStore } from '../store/memory-store.js'
import type { StorePosture } from '../store/store-posture.js'
import { judgeSetLocks } from './judge-set-locks.js'

const configOf = (destination: object, set: object, store = memoryStore({ objectLock: true })) =>
  resolveConfig({
    products: {
      shop: {
        source: { url: secret.env('NOT_SET') },
        encryption: { passphrase: secret.env('NOT_SET') },
        destinations: { vault: { store, ...destination } },
        objects: { calls: { from: memoryStore(), ...set } },
      },
    },
  }).products.shop!

const judge = (destination: object, set: object, objectLock: StorePosture['objectLock']) => {
  const { destinations, objects } = configOf(destination, set)
  return judgeSetLocks(objects!, destinations.vault!, { objectLock }).map(({ ok, message }) => [ok, message])
}

const on = { enabled: true, byDefault: null }
const week = { objectLock: { days: 7 } }

describe('locks of copied objects against how long the set keeps them', () => {
  it.each([
    [
      'a lock that is long enough',
      week,
      { retention: { daily: 7 } },
      on,
      true,
      /^copies of calls are locked for 7 days/,
    ],
    ['no rule that says a time', week, { retention: { last: 3 } }, on, true, /locked for 7 days \(governance\)$/],
    [
      'a lock that is shorter than the set’s own retention',
      { ...week, retention: { daily: 3 } },
      { retention: { keepWithin: '30d' } },
      on,
      false,
      /the retention keeps 30d: for 23 days older snapshots can be removed$/,
    ],
    [
      'a lock of the set’s own, in place of the destination’s',
      week,
      { retention: { keepWithin: '30d' }, objectLock: { mode: 'compliance', days: 30 } },
      on,
      true,
      /locked for 30 days \(compliance\)$/,
    ],
    [
      'a legal hold',
      {},
      { retention: { keepWithin: '30d' }, objectLock: { legalHold: true } },
      on,
      true,
      /locked, under a legal hold until somebody takes it off$/,
    ],
    [
      'a lock by the bucket alone, which ends for what does not change',
      {},
      { retention: { daily: 3 } },
      { enabled: true, byDefault: { mode: 'governance', days: 5 } },
      false,
      /for 5 days from their upload, and what does not change can be removed after that$/,
    ],
    [
      'a lock of the set’s own in a bucket without any',
      {},
      { objectLock: { days: 3 } },
      { enabled: false, byDefault: null },
      false,
      /^objectLock is configured for calls, and the bucket has no Object Lock$/,
    ],
  ] as const)('%s', (_, destination, set, place, ok, message) => {
    expect(judge(destination, set, place)).toEqual([[ok, expect.stringMatching(message)]])
  })

  it('says nothing where nothing is locked, or where the line about backups says it', () => {
    expect(judge({}, {}, on)).toEqual([])
    expect(judge(week, {}, { enabled: false, byDefault: null })).toEqual([])
  })

  it('is refused by the configuration where the store cannot do it', () => {
    expect(() => configOf({}, { objectLock: { days: 3 } }, memoryStore())).toThrow(
      /objects\.calls\.objectLock: the destination vault locks no objects/,
    )
    const { extendLock: _, ...rest } = memoryStore({ objectLock: true })
    expect(() => configOf(week, {}, rest)).toThrow(/cannot lock anew what a snapshot takes over/)
    expect(() => configOf(week, {})).not.toThrow()
  })
})
