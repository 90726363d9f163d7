import { randomUUID } from 'node:crypto'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { memoryStore, type ObjectStore, openLifeboat, secret } from '@lifeboat/core'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type FaultProxy, type S3Request, s3RequestOf, startFaultProxy } from '../../testkit/src/fault-proxy.js'
import type {} from '../../testkit/src/global-setup-s3.js'
import type { S3Options } from './s3-options.js'
import { s3 } from './s3-store.js'

/*
 * The bar is 20,000 objects. Filling so many takes a minute here, so the command takes fewer, and a nightly run says
 * LIFEBOAT_TEST_OBJECTS=20000; the whole number runs between stores in memory in every command (core's bars).
 */
const count = Number(process.env.LIFEBOAT_TEST_OBJECTS ?? 1000)
const everyHundredth = Math.floor(count / 100)

const { endpoint, ...credentials } = inject('s3')
const bucket = `lifeboat-${randomUUID()}`
const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
let sourceProxy: FaultProxy
let vaultProxy: FaultProxy

const at = (proxy: FaultProxy, prefix: string, options: Partial<S3Options> = {}): ObjectStore =>
  s3({ bucket, endpoint: proxy.endpoint, credentials, prefix, conditionalPut: true, listsInOrder: true, ...options })

beforeAll(async () => {
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  sourceProxy = await startFaultProxy(endpoint)
  vaultProxy = await startFaultProxy(endpoint)
})
afterAll(() => Promise.all([sourceProxy.close(), vaultProxy.close()]))

const nameOf = (n: number) => `people/${String(n % 97).padStart(2, '0')}/photo ${n}.jpg`
const contentOf = (n: number, version: number) => Buffer.alloc(500 + (n % 1500), `object ${n}, version ${version}. `)

async function inParallel<T>(width: number, values: Iterable<T>, act: (value: T) => Promise<unknown>): Promise<void> {
  const rest = values[Symbol.iterator]()
  const worker = async () => {
    for (const value of { [Symbol.iterator]: () => rest }) await act(value)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

const put = (store: ObjectStore, key: string, body: Buffer, options: object = {}) =>
  store.put(
    key,
    (async function* () {
      yield body
    })(),
    options,
  )

async function read(store: ObjectStore, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of store.get(key)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const requestsAt = (proxy: FaultProxy, from: number) => {
  const counts: Partial<Record<S3Request, number>> = {}
  for (const line of proxy.requests.slice(from)) {
    const [method, url] = line.split(' ') as [string, string]
    const kind = s3RequestOf({ method, url, headers: {} })
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

/** What one call causes at a proxy: requests by their kind, and bytes. */
async function causedAt<T>(proxies: readonly FaultProxy[], work: () => Promise<T>) {
  const before = proxies.map(({ requests, traffic }) => ({ requests: requests.length, ...traffic }))
  const result = await work()
  const caused = proxies.map((proxy, at) => ({
    requests: requestsAt(proxy, before[at]!.requests),
    sentBytes: proxy.traffic.sentBytes - before[at]!.sentBytes,
    answeredBytes: proxy.traffic.answeredBytes - before[at]!.answeredBytes,
  }))
  return { result, caused }
}

describe(`a bucket of ${count} objects`, () => {
  it('is copied; of a second run only what changed passes; both points in time come back', async () => {
    const prefix = `from-${randomUUID()}`
    const source = at(sourceProxy, prefix)
    const metadata = { contentType: 'image/jpeg', user: { album: 'summer' } }
    await inParallel(32, Array(count).keys(), n => put(source, nameOf(n), contentOf(n, 1), { metadata }))
    const lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
          encryption: { passphrase: secret.value('correct horse battery staple', 'a test') },
          destinations: { vault: { store: at(vaultProxy, `vault-${randomUUID()}`) } },
          objects: { uploads: { from: source } },
        },
      },
    })
    const copy = () => causedAt([sourceProxy, vaultProxy], () => lifeboat.copyObjects('shop', 'uploads'))
    const pages = Math.ceil(count / 1000)

    const first = await copy()
    expect(first.result.destinations[0]).toMatchObject({ outcome: 'complete', added: count })
    expect(first.caused[0]?.requests).toEqual({ ListObjects: pages, GetObject: count })

    // One of a hundred changed, one of a hundred deleted.
    const changed = Array.from({ length: everyHundredth }, (_, n) => n * 100)
    const deleted = changed.map(n => n + 50)
    await inParallel(16, changed, n => put(source, nameOf(n), contentOf(n, 2), { metadata }))
    await inParallel(16, deleted, n => source.remove(nameOf(n)))
    const changedBytes = changed.reduce((sum, n) => sum + contentOf(n, 2).byteLength, 0)

    const second = await copy()
    expect(second.result.destinations[0]).toMatchObject({
      ...{ outcome: 'complete', added: 0, changed: changed.length, removed: deleted.length },
      ...{ unchanged: count - changed.length - deleted.length, fetchedBytes: changedBytes },
    })
    const [atSource, atVault] = second.caused
    // The bucket is listed, and nothing but what changed is asked for: no HEAD, no other GET.
    expect(atSource?.requests).toEqual({ ListObjects: pages, GetObject: changed.length })
    expect(atSource?.sentBytes).toBe(0)
    // The listing is some 400 bytes of XML an object.
    expect(atSource?.answeredBytes).toBeLessThan(changedBytes + 600 * count)
    // One pack, the listing, the inventory, the head, and the lock.
    expect(atVault?.requests.PutObject).toBe(5)
    const snapshot = second.result.destinations[0]!.snapshot!
    const written = snapshot.added.storedBytes + snapshot.listing.storedBytes + snapshot.inventory.storedBytes
    expect(atVault?.sentBytes).toBeGreaterThanOrEqual(written)
    expect(atVault?.sentBytes).toBeLessThan(written + 5000)
    expect(snapshot.added.storedBytes).toBeLessThan(changedBytes + 300 * changed.length)
    if (process.env.LIFEBOAT_TEST_OBJECTS !== undefined)
      console.log(JSON.stringify({ first: first.caused, second: second.caused, changedBytes }))

    const ids = [first, second].map(({ result }) => result.destinations[0]!.snapshot!.id)
    const gone = new Set(deleted)
    const newer = new Set(changed)
    for (const [time, id] of ids.entries()) {
      const target = memoryStore()
      const restored = await lifeboat.restoreObjects('shop', 'uploads', target, { snapshot: id })
      expect(restored).toMatchObject({ failed: [], findings: [] })
      const expected = Array.from(Array(count).keys()).filter(n => time === 0 || !gone.has(n))
      const keys: string[] = []
      for await (const { key } of target.list('')) keys.push(key)
      expect(keys.sort()).toEqual(expected.map(nameOf).sort())
      let same = 0
      await inParallel(16, expected, async n => {
        const version = time === 1 && newer.has(n) ? 2 : 1
        if ((await read(target, nameOf(n))).equals(contentOf(n, version))) same += 1
      })
      expect(same).toBe(expected.length)
    }
    // By prefix, into a bucket, with what lay beside the bytes.
    const bucketTarget = at(sourceProxy, `to-${randomUUID()}`)
    const part = await lifeboat.restoreObjects('shop', 'uploads', bucketTarget, {
      prefix: 'people/01/',
      readBack: true,
    })
    expect(part).toMatchObject({ failed: [], findings: [] })
    expect(part.restored).toBeGreaterThan(everyHundredth / 2)
    expect((await bucketTarget.head(nameOf(1)))?.metadata).toEqual(metadata)
    expect(await lifeboat.verifyObjects('shop', 'uploads')).toMatchObject({ ok: true, read: count - deleted.length })
  })
})
