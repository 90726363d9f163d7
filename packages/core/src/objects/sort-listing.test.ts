import { describe, expect, it } from 'vitest'
import { compareKeys } from '../store/compare-keys.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore, StoredObject } from '../store/object-store.js'
import { listInOrder } from './sort-listing.js'

/** A source that gives these keys in this order, and promises none. */
function listing(keys: readonly string[]): ObjectStore {
  return {
    ...memoryStore(),
    listsInOrder: false,
    async *list() {
      for (const [n, key] of keys.entries()) yield { key, sizeBytes: n, modifiedAt: new Date(n), etag: `"${n}"` }
    },
  }
}

async function sorted(store: ObjectStore): Promise<StoredObject[]> {
  const all: StoredObject[] = []
  for await (const one of listInOrder(store, '')) all.push(one)
  return all
}

describe('a listing without order', () => {
  it('is sorted past what is held at once, and nothing of an entry is lost', async () => {
    const keys = Array.from({ length: 120_000 }, (_, n) => `k${(n * 7919) % 120_000}`)
    const found = await sorted(listing(keys))
    expect(found.map(({ key }) => key)).toEqual([...keys].sort())
    const [first] = found
    const at = keys.indexOf('k0')
    expect(first).toEqual({ key: 'k0', sizeBytes: at, modifiedAt: new Date(at), etag: `"${at}"` })
  })

  it('is sorted by bytes, not by the units of a string', async () => {
    const keys = ['🛟', '\uffee', 'z', 'é', 'a', 'a/b', 'a-b']
    const expected = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect((await sorted(listing(keys))).map(({ key }) => key)).toEqual(expected)
    expect([...keys].sort(compareKeys)).toEqual(expected)
    expect([...keys].sort()).not.toEqual(expected)
  })
})
