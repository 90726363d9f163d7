import { createHash } from 'node:crypto'
import type { DrillRecord, LifeboatConfig, Manifest, ObjectStore, VerificationRecord } from '@lifeboat/core'
import { secret } from '../../core/src/config/secret.js'
import { hashManifest } from '../../core/src/repository/manifest-hash.js'
import { memoryStore } from '../../core/src/store/memory-store.js'
import { sampleManifest } from './sample-manifest.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** What was asked of a store. */
export interface StoreCalls {
  list: number
  get: number
  /** Everything that changes something. */
  write: number
}

/** A store that counts what is asked of it. */
export function countingStore(store: ObjectStore, calls: StoreCalls): ObjectStore {
  return {
    ...store,
    put: (...args) => {
      calls.write++
      return store.put(...args)
    },
    remove: (...args) => {
      calls.write++
      return store.remove(...args)
    },
    get: (...args) => {
      calls.get++
      return store.get(...args)
    },
    list: (...args) => {
      calls.list++
      return store.list(...args)
    },
  }
}

/** The id of a backup that was begun then. */
export function idAt(ms: number, tail = 'aaaaaa'): string {
  return `${stamp(new Date(ms).toISOString().slice(0, 19))}Z-${tail}`
}

function stamp(iso: string): string {
  return iso.replace(/[-:]/g, '')
}

/** Writes a backup's manifest and its (very small) artifact; nothing reads that. */
export async function plantBackup(
  store: ObjectStore,
  product: string,
  atMs: number,
  changes: Partial<Manifest> = {},
): Promise<Manifest> {
  const id = changes.id ?? idAt(atMs)
  const createdAt = new Date(atMs).toISOString()
  const plain = sampleManifest(id, { product, createdAt, finishedAt: new Date(atMs + 90_000).toISOString() })
  const artifacts = plain.artifacts.map(one => ({ ...one, key: `${product}/${id}/database.dump.gz.gpg` }))
  const tables = [{ schema: 'public', name: 'orders', rows: 1234, bytes: 5678, sha256: 'b'.repeat(64) }]
  const manifest = { ...plain, artifacts, tables, ...changes }
  await store.put(`${product}/${id}/database.dump.gz.gpg`, bytes('abc'))
  await store.put(`${product}/${id}/manifest.json`, bytes(JSON.stringify(manifest)))
  return manifest
}

/** Writes the record of a verification of a backup, unsealed. */
export async function plantVerification(
  store: ObjectStore,
  manifest: Manifest,
  destination: string,
  atMs: number,
  changes: Partial<VerificationRecord> = {},
): Promise<void> {
  await plant(store, atMs, {
    ...{ kind: 'verification', level: 'content', live: false, ...recordOf(manifest, destination, atMs), ...changes },
  })
}

/** Writes the record of a drill, unsealed. */
export async function plantDrill(
  store: ObjectStore,
  manifest: Manifest,
  destination: string,
  atMs: number,
  changes: Partial<DrillRecord> = {},
): Promise<void> {
  await plant(store, atMs, {
    ...{ kind: 'drill', level: 'restored', ...recordOf(manifest, destination, atMs) },
    ...{ startedAt: new Date(atMs - 60_000).toISOString(), finishedAt: new Date(atMs).toISOString() },
    ...{ steps: [{ step: 'find', startedAfterMs: 0, durationMs: 100 }], leftOut: [], databaseBytes: 1_000_000 },
    proof: {
      ...{ kind: 'content', tables: 1, rows: 1234, countedOnly: 0, sequences: 0, largeObjects: 0 },
      ...{ entries: 1, differences: 0 },
    },
    objectives: {
      ...{ ageMs: hourMs, rpoMs: null, rpoMet: null, recoveryMs: 40_000, totalMs: 60_000, rtoMs: null, rtoMet: null },
    },
    scratch: { kind: 'local', serverVersion: '17.5' },
    ...changes,
  })
}

function recordOf(manifest: Manifest, destination: string, atMs: number) {
  const { product, id, createdAt } = manifest
  return {
    ...{ product, id, destination, at: new Date(atMs).toISOString(), durationMs: 800, ok: true },
    ...{ storedSha256: manifest.artifacts.map(one => one.storedSha256), manifestSha256: hashManifest(manifest) },
    ...{ findings: [], checks: [], backupCreatedAt: createdAt, storedBytes: 3, plainBytes: 20, tables: 1, rows: 1234 },
    seal: null,
  }
}

async function plant(store: ObjectStore, atMs: number, record: { readonly product: string; readonly id: string }) {
  const at = stamp(new Date(atMs).toISOString()).replace('.', '')
  await store.put(`${record.product}/verifications/${at}-${record.id}.json`, bytes(JSON.stringify(record)))
}

async function* bytes(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text)
}

export interface Fleet {
  readonly config: LifeboatConfig
  readonly calls: StoreCalls
  /** The last night makes it a night more. */
  addNight(product: string): Promise<void>
}

/**
 * Many products with two destinations each, whose nights lie in memory: a backup at two and a verification at four each
 * night, a drill two weeks ago. Everything is well at noon of the last day.
 */
export async function simulateFleet(options: {
  readonly products: number
  readonly nights: number
  readonly noon: Date
}): Promise<Fleet> {
  const { products, nights, noon } = options
  const calls: StoreCalls = { list: 0, get: 0, write: 0 }
  const midnight = Math.floor(noon.getTime() / dayMs) * dayMs
  const names = Array.from({ length: products }, (_, at) => `shop-${String(at).padStart(4, '0')}`)
  const inner = new Map<string, ObjectStore>()
  const config: Record<string, LifeboatConfig['products'][string]> = {}
  for (const name of names) {
    // A store of its own each: the listing of one in memory looks at all that it holds.
    const stores = { near: memoryStore(), far: memoryStore() }
    for (const [destination, store] of Object.entries(stores)) inner.set(`${name}/${destination}`, store)
    for (let night = nights - 1; night >= 0; night--) await plantNight(name, midnight - night * dayMs, night === 14)
    config[name] = {
      objectives: { rpo: '26h', rto: '1h' },
      source: { url: secret.env('SIMULATED_DATABASE_URL') },
      // The place that watches holds no secret.
      encryption: { passphrase: secret.env('SIMULATED_PASSPHRASE_THAT_IS_NOT_HERE') },
      destinations: {
        near: { store: countingStore(stores.near, calls) },
        far: { store: countingStore(stores.far, calls) },
      },
      schedule: { backup: '0 2 * * *', verify: '0 4 * * *', drill: '0 6 1 * *', timeZone: 'UTC' },
      drill: { interval: '31d' },
    }
  }
  async function plantNight(product: string, day: number, drill: boolean) {
    for (const destination of ['near', 'far']) {
      const store = inner.get(`${product}/${destination}`)!
      const manifest = await plantBackup(store, product, day + 2 * hourMs, {
        id: idAt(day + 2 * hourMs, tailOf(product)),
      })
      await plantVerification(store, manifest, destination, day + 4 * hourMs)
      if (drill) await plantDrill(store, manifest, destination, day + 6 * hourMs)
    }
  }
  let last = midnight
  return {
    ...{ config: { products: config }, calls },
    addNight: async product => {
      last += dayMs
      await plantNight(product, last, false)
    },
  }
}

function tailOf(product: string): string {
  return createHash('sha256').update(product).digest('hex').slice(0, 6)
}
