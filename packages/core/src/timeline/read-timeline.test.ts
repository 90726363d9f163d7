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

  it('reads each manifest, and the newest records only', async () => {
    const store = memoryStore()
    await fill(store, 400)
    let reads = 0
    const counted: ObjectStore = {
      ...store,
      get: (key, options) => {
        reads += 1
        return store.get(key, options)
      },
    }
    const lifeboat = await openLifeboat(
      {
        products: {
          shop: {
            source: { url: secret.env('LIFEBOAT_TEST_NO_SUCH') },
            encryption: { passphrase: secret.env('SHOP_PASSPHRASE') },
            destinations: { local: { store: counted } },
          },
        },
      },
      { deps: { now: () => now } },
    )
    const { losses } = await lifeboat.timeline('shop')
    expect(losses[0]!.ways[0]!.instants.count).toBe(400)
    expect(reads).toBe(440)
  })
})
