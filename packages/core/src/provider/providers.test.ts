import { describe, expect, it } from 'vitest'
import { resolveConfig } from '../config/define-config.js'
import { secret } from '../config/secret.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { backupProviderSuite } from '../testing/provider-suite.js'
import type { ProviderBackup } from './backup-provider.js'
import { dumps } from './dumps.js'
import { memoryProvider } from './memory-provider.js'

const sample = (id: string): ProviderBackup => ({
  ...{ id, kind: 'physical', createdAt: '2026-11-21T02:00:00.000Z', status: 'complete', nativeStatus: 'COMPLETED' },
  ...{ expiresAt: null, sizeBytes: null },
})

backupProviderSuite(
  { describe, it },
  {
    name: 'memory',
    makeProvider: () => memoryProvider({ backups: [sample('1'), sample('2')] }),
    backups: ['1', '2'],
    openable: '1',
    restorable: '2',
  },
)

const ids = ['20261121T020000Z-7f3k9q', '20261122T020000Z-8f3k9q'] as const

async function storeWithDumps(): Promise<ObjectStore> {
  const store = memoryStore()
  for (const id of ids) {
    const key = `shop/${id}/database.dump.gz.gpg`
    await store.put(key, bytesOf('sealed'))
    await store.put(`shop/${id}/manifest.json`, bytesOf(JSON.stringify(manifest(id, key))))
  }
  await store.put('other/20261121T020000Z-7f3k9q/manifest.json', bytesOf('{}'))
  return store
}

function manifest(id: string, key: string) {
  const hash = 'a'.repeat(64)
  return {
    ...{ format: 'lifeboat/1', id, product: 'shop', createdAt: '2026-11-21T02:00:00.000Z' },
    ...{ finishedAt: '2026-11-21T02:00:12.000Z', reason: 'nightly', labels: {} },
    tool: { name: 'lifeboat', version: '0.1.0' },
    source: {
      ...{ serverVersion: '17.2', database: 'shop', databaseBytes: 5, encoding: 'UTF8', extensions: [] },
      ...{ pgDumpVersion: '17.2', snapshotCounts: { taken: true, why: null } },
    },
    artifacts: [
      {
        ...{ name: 'database.dump', key, kind: 'database', storedBytes: 6, storedSha256: hash, plainBytes: 5 },
        ...{ plainSha256: hash, codec: 'gzip', encryption: { kind: 'passphrase' } },
      },
    ],
    ...{
      tables: [],
      contents: {},
      largeObjects: null,
      destinations: [{ name: 'local', outcome: 'stored' }],
      seal: null,
    },
  }
}

backupProviderSuite(
  { describe, it },
  {
    name: 'dumps in a store',
    makeProvider: async () => dumps(await storeWithDumps(), { product: 'shop' }),
    backups: ids,
    openable: ids[0],
  },
)

describe('dumps', () => {
  it('throws instead of listing around a damaged manifest', async () => {
    const store = await storeWithDumps()
    await store.put(`shop/${ids[0]}/manifest.json`, bytesOf('{'))
    const listing = async () => {
      for await (const _ of dumps(store, { product: 'shop' }).list());
    }
    await expect(listing()).rejects.toMatchObject({ code: 'manifest-invalid' })
  })

  it('leaves nothing of a backup that it removes, and the other backups alone', async () => {
    const store = await storeWithDumps()
    await dumps(store, { product: 'shop' }).removing!.remove(ids[0])
    const keys: string[] = []
    for await (const { key } of store.list('')) keys.push(key)
    expect(keys.filter(key => key.includes(ids[0]))).toEqual([`other/${ids[0]}/manifest.json`])
    expect(keys).toHaveLength(3)
  })
})

describe('the configuration key provider', () => {
  const product = (provider: unknown) => ({
    products: {
      shop: {
        source: { url: secret.value('postgres://x@localhost/y') },
        encryption: { passphrase: secret.value('p') },
        destinations: { local: { store: memoryStore() } },
        provider,
      },
    },
  })

  it('takes a provider as it is', () => {
    const provider = memoryProvider()
    const resolved = resolveConfig(product(provider)).products.shop
    expect(resolved?.provider).toBe(provider)
    expect(Object.isFrozen(provider)).toBe(false)
  })

  it('lets the provider give the address, if it is one that does', () => {
    const asked = product({ ...memoryProvider(), connecting: { connect: async () => ({}) } })
    Object.assign(asked.products.shop.source, { url: 'provider' })
    expect(resolveConfig(asked).products.shop?.source.url).toBe('provider')
    asked.products.shop.provider = memoryProvider()
    expect(() => resolveConfig(asked)).toThrow(/products\.shop\.source\.url: 'provider' needs a provider/)
  })

  it('refuses what is none, a store among it', () => {
    for (const wrong of ['supabase', {}, memoryStore()])
      expect(() => resolveConfig(product(wrong))).toThrow(/products\.shop\.provider: expected a provider/)
  })
})
