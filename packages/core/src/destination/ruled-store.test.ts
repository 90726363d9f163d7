import { describe, expect, it } from 'vitest'
import { ClassStore } from '../../../testkit/src/class-store.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore, PutOptions } from '../store/object-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { ruled } from './ruled-store.js'

const now = () => new Date('2026-11-21T02:00:00Z')

function watched(): { readonly store: ObjectStore; readonly puts: Map<string, PutOptions | undefined> } {
  const inner = memoryStore()
  const puts = new Map<string, PutOptions | undefined>()
  const put: ObjectStore['put'] = (key, source, options) => {
    puts.set(key, options)
    return inner.put(key, source)
  }
  return { store: { ...inner, put }, puts }
}

describe('the rules of a destination', () => {
  it('give artifacts the storage class and the lock, manifests the lock alone, and leave everything else free', async () => {
    const { store, puts } = watched()
    const objectLock = { mode: 'compliance', days: 30, legalHold: false } as const
    const place = ruled(store, { storageClass: 'DEEP_ARCHIVE', objectLock }, now)
    const folder = 'shop/20261121T020000Z-7f3k9q'
    for (const key of [`${folder}/database.dump.gz.gpg`, `${folder}/manifest.json`, 'shop/locks/change.json'])
      await place.put(key, bytesOf('x'), { ifAbsent: true })
    const lock = { mode: 'compliance', until: new Date('2026-12-21T02:00:00Z'), legalHold: false }
    expect([...puts.values()]).toEqual([
      { ifAbsent: true, storageClass: 'DEEP_ARCHIVE', lock },
      { ifAbsent: true, lock },
      { ifAbsent: true },
    ])
  })

  it('are given to a store that is a class, which keeps all of its calls', async () => {
    const store = new ClassStore(now)
    const objectLock = { mode: 'compliance', days: 30, legalHold: false } as const
    const place = ruled(store, { objectLock }, now)
    const key = 'shop/20261121T020000Z-7f3k9q/database.dump.gz.gpg'
    await place.put(key, bytesOf('x'))
    expect((await place.head(key))?.retained).toContain('locked until 2026-12-21')
    expect(await place.removeForGood?.(key)).toMatchObject({ state: 'kept' })
    await place.extendLock?.(key, { mode: 'compliance', until: new Date('2027-01-01'), legalHold: false })
    expect((await readWhole(place.get(key), 10)).toString()).toBe('x')
    expect([place.name, place.location, store.puts]).toEqual(['class', 'class of memory', 1])
    expect('probe' in place).toBe(false)
  })

  it('are none where the destination says nothing', () => {
    const { store } = watched()
    expect(ruled(store, {}, now)).toBe(store)
  })
})
