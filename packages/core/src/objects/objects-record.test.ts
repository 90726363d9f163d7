import { describe, expect, it } from 'vitest'
import { memoryStore } from '../store/memory-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { keyFolder, keysOf, openShop } from './testing/shop.js'

const keys = keyFolder('team', 'writer')

async function setUp() {
  const [source, store] = [memoryStore(), memoryStore()]
  const clock = { now: new Date('2026-11-21T02:00:00Z') }
  await source.put('a.txt', bytesOf('first'))
  const set = { retention: { last: 1, minimum: 1 } }
  const lifeboat = await openShop({ from: source, store, keys, set, deps: { now: () => clock.now } })
  return { lifeboat, clock, source, store }
}

const records = 'shop/objects/uploads/verifications/'

describe('a verification of a snapshot', () => {
  it('is recorded in its destination, once, whatever came of it', async () => {
    const { lifeboat, clock, store } = await setUp()
    const copied = await lifeboat.copyObjects('shop', 'uploads')
    const { id } = copied.destinations[0]!.snapshot!
    await lifeboat.verifyObjects('shop', 'uploads', { sample: 0.5 })
    await lifeboat.verifyObjects('shop', 'uploads')
    expect(await keysOf(store, records)).toEqual([
      `${records}20261121T020000000Z-${id}.json`,
      `${records}20261121T020000001Z-${id}.json`,
    ])
    clock.now = new Date('2026-11-21T03:00:00Z')
    const [content] = await keysOf(store, 'shop/objects/uploads/content/')
    await store.remove(content!)
    expect(await lifeboat.verifyObjects('shop', 'uploads')).toMatchObject({ ok: false })
    const history = await lifeboat.objectHistory()
    expect(history.map(({ ok, level, sample, set }) => ({ ok, level, sample, set }))).toEqual([
      { ok: false, level: 'content', sample: 1, set: 'uploads' },
      ...[0.5, 1].map(sample => ({ ok: true, level: 'content', sample, set: 'uploads' })),
    ])
    expect(history[0]!.findings.map(({ code }) => code)).toContain('content-missing')
    expect(await lifeboat.objectHistory('shop', { since: new Date('2026-11-21T02:30:00Z') })).toHaveLength(1)
    expect(await lifeboat.objectHistory('shop', { set: 'other' })).toEqual([])
  })

  it('counts only as whoever could read the content wrote it', async () => {
    const { lifeboat, store } = await setUp()
    await lifeboat.copyObjects('shop', 'uploads')
    await lifeboat.verifyObjects('shop', 'uploads')
    const [key] = await keysOf(store, records)
    const written = JSON.parse((await readWhole(store.get(key!), 2 ** 20)).toString()) as object
    await store.put(key!, bytesOf(JSON.stringify({ ...written, objects: 9 })))
    expect(await lifeboat.objectHistory('shop')).toEqual([])
    // One of lengths alone needs no key, and so nobody vouches for it.
    await store.put(key!, bytesOf(JSON.stringify({ ...written, seal: null })))
    expect(await lifeboat.objectHistory('shop')).toEqual([])
    await store.put(key!, bytesOf(JSON.stringify(written)))
    expect(await lifeboat.objectHistory('shop')).toHaveLength(1)
  })

  it('is no record of a backup, nor of another set', async () => {
    const { lifeboat, store } = await setUp()
    await lifeboat.copyObjects('shop', 'uploads')
    await lifeboat.verifyObjects('shop', 'uploads')
    const [key] = await keysOf(store, records)
    const bytes = await readWhole(store.get(key!), 2 ** 20)
    await store.put(key!.replace('objects/uploads/', ''), bytesOf(bytes.toString()))
    expect(await lifeboat.history('shop')).toEqual([])
  })

  it('goes with the snapshot it is about, and no other does', async () => {
    const { lifeboat, clock, store } = await setUp()
    await lifeboat.copyObjects('shop', 'uploads')
    await lifeboat.verifyObjects('shop', 'uploads')
    clock.now = new Date('2026-11-23T02:00:00Z')
    await lifeboat.copyObjects('shop', 'uploads')
    await lifeboat.verifyObjects('shop', 'uploads')
    const [, second] = await keysOf(store, records)
    expect(await lifeboat.pruneObjects('shop', 'uploads')).toMatchObject([{ plan: { remove: [{}] } }])
    expect(await keysOf(store, records)).toHaveLength(2)
    await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    expect(await keysOf(store, records)).toEqual([second])
  })
})
