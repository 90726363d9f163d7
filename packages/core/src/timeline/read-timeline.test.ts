import { describe, expect, it } from 'vitest'
import { memoryStore, type ObjectStore, openLifeboat, secret } from '../index.js'
import type { Manifest } from '../repository/manifest.js'
import { bytesOf } from '../streams/byte-source.js'
import { memoryProvider } from '../testing/index.js'

const hash = 'a'.repeat(64)
const now = new Date('2026-11-21T12:00:00Z')

async function fill(store: ObjectStore, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const at = new Date(now.getTime() - (i + 1) * 3_600_000).toISOString()
    const id = `${at.replace(/[-:]|\.\d+/g, '')}-aaaaa${i % 10}`
    const manifest: Manifest = {
      ...{ format: 'lifeboat/1', id, product: 'shop', createdAt: at, finishedAt: at, reason: 'nightly', labels: {} },
      tool: { name: 'lifeboat', version: '0' },
      source: {
        ...{ serverVersion: '17.2', database: 'shop', databaseBytes: 1, encoding: 'UTF8', extensions: [] },
        ...{ pgDumpVersion: '17.2', snapshotCounts: { taken: true, why: null } },
      },
      artifacts: [
        {
          ...{ name: 'database', key: `shop/${id}/database.dump.gz.gpg`, kind: 'database', codec: 'gzip' },
          ...{
            storedBytes: 1,
            storedSha256: hash,
            plainBytes: 1,
            plainSha256: hash,
            encryption: { kind: 'passphrase' },
          },
        },
      ],
      ...{ tables: [], contents: null, largeObjects: null, destinations: [], seal: null },
    }
    await store.put(`shop/${id}/database.dump.gz.gpg`, bytesOf('x'))
    await store.put(`shop/${id}/manifest.json`, bytesOf(JSON.stringify(manifest)))
    const record = { id, at, level: i % 2 ? 'content' : 'listed', ok: true, storedSha256: [hash] }
    const drill = { ...record, level: 'restored', kind: 'drill', objectives: { recoveryMs: 4200 } }
    const stamp = at.replace(/[-:.]/g, '')
    await store.put(`shop/verifications/${stamp}-${id}.json`, bytesOf(JSON.stringify(i === 3 ? drill : record)))
  }
}

describe('a timeline read from listings', () => {
  it('opens no backup, and goes on without a place that does not answer', async () => {
    const store = memoryStore()
    await fill(store, 12)
    const opened: string[] = []
    const watched: ObjectStore = {
      ...store,
      get: (key, options) => {
        if (key.endsWith('.gpg')) opened.push(key)
        return store.get(key, options)
      },
    }
    const silent: ObjectStore = {
      ...memoryStore(),
      // biome-ignore lint/correctness/useYield: it fails before its first object
      async *list() {
        throw new Error('no route')
      },
    }
    const provider = memoryProvider({ now: () => now })
    const lifeboat = await openLifeboat(
      {
        products: {
          shop: {
            objectives: { rpo: '24h' },
            source: { url: secret.env('LIFEBOAT_TEST_NO_SUCH') },
            encryption: { passphrase: secret.env('SHOP_PASSPHRASE') },
            provider: {
              ...provider,
              pointInTime: { ...provider.pointInTime!, window: () => Promise.reject(new Error('503')) },
            },
            destinations: { local: { store: watched }, offsite: { store: silent } },
          },
        },
      },
      { deps: { now: () => now } },
    )
    const timeline = await lifeboat.timeline('shop')
    expect(opened).toEqual([])
    expect(timeline.unanswered.map(one => one.place)).toEqual(['memory', 'offsite'])
    const [best] = timeline.losses.find(one => one.loss === 'account-gone')!.ways
    expect(best).toMatchObject({ source: 'dump', dataAgeMs: 3_600_000, expectedMs: 4200, proof: 'none' })
    expect(best!.credential).toContain('environment variable SHOP_PASSPHRASE')
  })

  it('reads a bounded number of small objects, however many backups there are', async () => {
    const store = memoryStore()
    await fill(store, 2000)
    const { timeline, calls } = await counted(store)
    const { losses } = await timeline
    expect(losses[0]!.ways[0]!.instants).toMatchObject({ count: 2000 })
    // The backups' two listings and the records'; the newest twenty manifests and forty records.
    expect(calls).toEqual({ list: 3, get: 60, inFlight: expect.any(Number) })
    expect(calls.inFlight).toBeGreaterThan(16)
  })

  it('names no backup whose manifest is damaged, or gone, or that has nothing to restore', async () => {
    const store = memoryStore()
    await fill(store, 5)
    const ids: string[] = []
    for await (const { key } of store.list('shop/2')) if (key.endsWith('manifest.json')) ids.push(key.split('/')[1]!)
    const [damaged, emptied, gone, good] = ids.sort().reverse() as [string, string, string, string]
    await store.put(`shop/${damaged}/manifest.json`, bytesOf('{'))
    await store.remove(`shop/${emptied}/database.dump.gz.gpg`)
    await store.remove(`shop/${gone}/manifest.json`)
    const { losses } = await (await counted(store)).timeline
    const [way] = losses.find(one => one.loss === 'database-gone')!.ways
    expect(way).toMatchObject({ instants: { count: 2 }, command: expect.stringContaining(good) })
  })

  async function counted(store: ObjectStore) {
    const calls = { list: 0, get: 0, inFlight: 0 }
    let busy = 0
    const watched: ObjectStore = {
      ...store,
      list: (prefix, options) => {
        calls.list++
        return store.list(prefix, options)
      },
      async *get(key, options) {
        calls.get++
        calls.inFlight = Math.max(calls.inFlight, ++busy)
        // Others begin before this one answers, as in a network.
        await new Promise(resolve => setImmediate(resolve))
        yield* store.get(key, options)
        busy--
      },
    }
    const lifeboat = await openLifeboat(
      {
        products: {
          shop: {
            source: { url: secret.env('LIFEBOAT_TEST_NO_SUCH') },
            encryption: { passphrase: secret.env('SHOP_PASSPHRASE') },
            destinations: { local: { store: watched } },
          },
        },
      },
      { deps: { now: () => now } },
    )
    return { calls, timeline: lifeboat.timeline('shop') }
  }
})
