import { describe, expect, it } from 'vitest'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import { newestBackups } from '../schedule/newest-backup.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { findGarbage } from '../sweep/find-garbage.js'
import { readStored } from '../timeline/read-stored.js'
import { manifestKey } from './layout.js'
import { listBackups } from './list-backups.js'

const ids = ['20261120T020000Z-aaaaaa', '20261121T020000Z-bbbbbb']

/** A product with two backups and thousands of copied objects, whose listings are counted as a service pages them. */
async function setUp() {
  const store = memoryStore()
  for (const id of ids) {
    await store.put(`shop/${id}/database.dump.gz.gpg`, bytesOf('abc'))
    await store.put(manifestKey('shop', id), bytesOf(JSON.stringify(sampleManifest(id))))
  }
  for (let n = 1; n <= 5000; n++)
    await store.put(`shop/objects/uploads/content/${ids[0]}/${String(n).padStart(8, '0')}.gpg`, bytesOf('c'))
  await store.put('shop/verifications/20261121T050000000Z-20261121T020000Z-bbbbbb.json', bytesOf('{}'))
  const counted = { requests: 0, keys: 0 }
  const counting: ObjectStore = {
    ...store,
    async *list(prefix, options) {
      counted.requests++
      let onPage = 0
      for await (const one of store.list(prefix, options)) {
        if (onPage++ === 1000) [counted.requests, onPage] = [counted.requests + 1, 1]
        counted.keys++
        yield one
      }
    },
  }
  const asked = () => ({ ...counted })
  return { store: counting, asked }
}

const place = { product: 'shop', destination: 'local' }
const now = new Date('2026-11-25T12:00:00Z')

describe('with thousands of copied objects beside the backups', () => {
  it('a listing of backups asks for the backups', async () => {
    const { store, asked } = await setUp()
    const { backups, unreadable } = await listBackups(store, place)
    expect([backups.map(({ id }) => id), unreadable]).toEqual([[...ids].reverse(), []])
    expect(asked()).toEqual({ requests: 2, keys: 4 })
  })

  it.each([
    ['the newest backup', (store: ObjectStore) => newestBackups(store, 'shop', undefined).next(), 2],
    ['what crashed runs left', (store: ObjectStore) => findGarbage(store, 'shop', now, undefined), 3],
    ['a timeline', (store: ObjectStore) => readStored(store, 'shop', undefined), 3],
  ] as const)('so does %s', async (_, work, requests) => {
    const { store, asked } = await setUp()
    await work(store)
    expect(asked().requests).toBe(requests)
    expect(asked().keys).toBeLessThanOrEqual(5)
  })
})
