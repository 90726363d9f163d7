import { randomUUID } from 'node:crypto'
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import {
  type Artifact,
  type ByteSource,
  type ObjectStore,
  openLifeboat,
  type RetryPolicy,
  type StoreRetry,
  secret,
} from '@lifeboat/core'
import { objectStoreSuite } from '@lifeboat/core/testing'
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../testkit/src/fault-proxy.js'
import type {} from '../../testkit/src/global-setup-s3.js'
import { sampleManifest } from '../../testkit/src/sample-manifest.js'
import type { S3Options } from './s3-options.js'
import { s3 } from './s3-store.js'

const service = inject('s3')
const bucket = `lifeboat-${randomUUID()}`
const mebibyte = 1024 * 1024
const { endpoint, ...credentials } = service
const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })

/** As many attempts as by default, without the waiting. */
const quick: RetryPolicy = { attempts: 6, firstDelayMs: 1, longestDelayMs: 5, budgetMs: 60_000 }

const storeWith = (options: Partial<S3Options> = {}): ObjectStore =>
  // The service under test is new enough for conditional puts; its loopback address cannot tell.
  s3({
    bucket,
    endpoint,
    credentials,
    prefix: `test/${randomUUID()}`,
    conditionalPut: true,
    listsInOrder: true,
    retry: quick,
    ...options,
  })

beforeAll(async () => {
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
})

const unfinishedUploads = async () =>
  (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads?.map(({ Key }) => Key) ?? []

afterEach(async () => {
  expect(await unfinishedUploads()).toEqual([])
})

objectStoreSuite(
  { describe, it },
  {
    name: 's3',
    makeStore: () => storeWith(),
    makeLockingStore: async () => {
      const locking = `lifeboat-${randomUUID()}`
      await client.send(new CreateBucketCommand({ Bucket: locking, ObjectLockEnabledForBucket: true }))
      return storeWith({ bucket: locking, objectLock: true })
    },
    assertNoResidue: async () => expect(await unfinishedUploads()).toEqual([]),
  },
)

describe('uploads that a dead process left', () => {
  it('are listed under their prefix and given up, others are not touched', async () => {
    const store = storeWith({ prefix: 'left' })
    const begin = async (Key: string) =>
      (await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))).UploadId!
    await begin('left/shop/one.gpg')
    await begin('left/shop/two.gpg')
    const foreign = await begin('left/blog/three.gpg')
    const found = []
    for await (const one of store.listUnfinished!('shop/')) found.push(one)
    expect(found.map(one => one.key).sort()).toEqual(['shop/one.gpg', 'shop/two.gpg'])
    for (const one of found) {
      expect(Math.abs(Date.now() - one.startedAt.getTime())).toBeLessThan(3_600_000)
      await store.removeUnfinished!(one)
      await store.removeUnfinished!(one)
    }
    expect(await unfinishedUploads()).toEqual(['left/blog/three.gpg'])
    await store.removeUnfinished!({ ...found[0]!, key: 'blog/three.gpg', handle: foreign })
  })
})

describe('without conditional puts', () => {
  it('looks before it writes', async () => {
    const store = storeWith({ conditionalPut: false })
    expect(store.capabilities.conditionalPut).toBe(false)
    await store.put('k', bytes(3), { ifAbsent: true })
    expect(await codeOf(store, store.put('k', bytes(3), { ifAbsent: true }))).toBe('object-exists')
  })
})

describe('parts', () => {
  it('sends a small object in one request, and a large one in 8 MiB parts, a few at a time', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint, prefix: 'parts' })
    await store.put('small', bytes(8 * mebibyte))
    expect(proxy.requests.filter(request => request.startsWith('PUT'))).toEqual([
      expect.stringContaining('/parts/small'),
    ])
    await store.put('large', bytes(20 * mebibyte))
    expect(proxy.requests.filter(request => request.includes('partNumber='))).toHaveLength(3)
    expect(await length(store, 'large')).toBe(20 * mebibyte)
  })

  it('works with checksums sent along', async () => {
    const store = storeWith({ checksums: 'supported' })
    await store.put('small', bytes(1000))
    await store.put('large', bytes(20 * mebibyte))
    expect(await length(store, 'large')).toBe(20 * mebibyte)
  })

  it('puts objects into a storage class', async () => {
    const store = storeWith({ storageClass: 'STANDARD_IA' })
    await store.put('cold', bytes(10))
    expect((await store.head('cold'))?.storageClass).toBe('STANDARD_IA')
    for await (const stored of store.list('')) expect(stored.storageClass).toBe('STANDARD_IA')
  })

  it('holds little memory', async () => {
    const store = storeWith()
    const before = process.memoryUsage().rss
    let most = 0
    async function* watched(): ByteSource {
      for await (const chunk of bytes(160 * mebibyte)) {
        most = Math.max(most, process.memoryUsage().rss - before)
        yield chunk
      }
    }
    await store.put('k', watched())
    expect(most).toBeLessThan(130 * mebibyte)
  })
})

describe('nothing is left behind', () => {
  it('removes the upload when the source fails in the middle', async () => {
    const store = storeWith()
    let begun = false
    async function* failing(): ByteSource {
      yield* bytes(30 * mebibyte)
      begun = (await unfinishedUploads()).length === 1
      throw new Error('the dump failed')
    }
    await expect(store.put('k', failing())).rejects.toThrow('the dump failed')
    expect(begun).toBe(true)
    expect(await unfinishedUploads()).toEqual([])
  })

  it('removes the upload when the signal aborts in the middle', async () => {
    const store = storeWith()
    const controller = new AbortController()
    const reason = new Error('stop')
    async function* endless(): ByteSource {
      yield* bytes(30 * mebibyte)
      controller.abort(reason)
      yield* bytes(30 * mebibyte)
    }
    await expect(store.put('k', endless(), { signal: controller.signal })).rejects.toBe(reason)
    expect(await unfinishedUploads()).toEqual([])
  })

  it('removes the upload when a part is refused for good', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    proxy.inject(isPart(2), { kind: 'answer', status: 403, body: errorBody('AccessDenied') })
    expect(await codeOf(store, store.put('k', bytes(60 * mebibyte)))).toBe('store-auth-failed')
    expect(await unfinishedUploads()).toEqual([])
  })

  it('says so when the unfinished upload cannot be removed', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    async function* failing(): ByteSource {
      yield* bytes(10 * mebibyte)
      for (let i = 0; i < 3; i++) {
        proxy.inject(({ method }) => method === 'DELETE', {
          kind: 'answer',
          status: 403,
          body: errorBody('AccessDenied'),
        })
      }
      throw new Error('the dump failed')
    }
    await expect(store.put('k', failing())).rejects.toThrow(
      /^the dump failed; the unfinished upload .* could not be removed/,
    )
    await removeUnfinishedUploads()
  })

  it('leaves nothing after a probe', async () => {
    const store = storeWith()
    await store.probe?.()
    for await (const stored of store.list('')) expect(stored).toBeUndefined()
  })
})

describe('faults on the way', () => {
  it('sends a part again after 503, after a reset, and after a lost answer', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    proxy.inject(isPart(1), { kind: 'answer', status: 503, body: errorBody('SlowDown') })
    proxy.inject(isPart(2), { kind: 'reset' })
    proxy.inject(isPart(3), { kind: 'lose-answer' })
    await store.put('k', bytes(26 * mebibyte))
    expect(await length(store, 'k')).toBe(26 * mebibyte)
  })

  it('knows its own work when the answer to the last request is lost', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    proxy.inject(({ method, url }) => method === 'POST' && url.includes('uploadId='), { kind: 'lose-answer' })
    await store.put('large', bytes(20 * mebibyte))
    expect(await length(store, 'large')).toBe(20 * mebibyte)

    proxy.inject(({ method, url }) => method === 'PUT' && url.includes('/small'), { kind: 'lose-answer' })
    await store.put('small', bytes(100), { ifAbsent: true })
    expect(await codeOf(store, store.put('small', bytes(100), { ifAbsent: true }))).toBe('object-exists')
  })

  it('resumes a read where the connection broke off', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    await store.put('k', bytes(20 * mebibyte))
    for (const afterBytes of [5 * mebibyte, 3_000_001, 1]) {
      proxy.inject(({ method }) => method === 'GET', { kind: 'cut-answer', afterBytes })
    }
    const direct = await digest(storeAt(store), 'k')
    expect(await digest(store, 'k')).toEqual(direct)
    const cut = { kind: 'cut-answer', afterBytes: 1_000_000 } as const
    proxy.inject(({ method }) => method === 'GET', cut)
    expect(await length(store, 'k', { start: 1000, end: 5_000_000 })).toBe(5_000_000 - 1000 + 1)
  })

  it('gives up a read after so many lost connections, and never ends early', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    await store.put('k', bytes(mebibyte))
    for (let i = 0; i < 6; i++) proxy.inject(({ method }) => method === 'GET', { kind: 'cut-answer', afterBytes: 0 })
    expect(await codeOf(store, length(store, 'k'))).toBe('store-unreachable')
  })

  it('notices that the object was overwritten while it was read', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    await store.put('k', bytes(20 * mebibyte))
    proxy.inject(({ method }) => method === 'GET', { kind: 'cut-answer', afterBytes: 5 * mebibyte })
    const reading = async () => {
      let first = true
      for await (const _ of store.get('k')) {
        if (first) await store.put('k', bytes(10))
        first = false
      }
    }
    expect(await codeOf(store, reading())).toBe('object-damaged')
  })

  it('says what to do when a service does not know conditional puts', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    proxy.inject(({ headers }) => 'if-none-match' in headers, {
      kind: 'answer',
      status: 501,
      body: errorBody('NotImplemented'),
    })
    await expect(store.put('k', bytes(10), { ifAbsent: true })).rejects.toMatchObject({
      code: 'store-refused',
      hint: expect.stringContaining('conditionalPut: false'),
    })
  })
})

describe('a store that cannot work', () => {
  const attempts = (store: ObjectStore) => [
    () => store.head('k'),
    () => store.put('k', bytes(10)),
    () => store.put('k', bytes(10 * mebibyte)),
    () => store.remove('k'),
    () => length(store, 'k'),
    () => drained(store.list('')),
    () => store.probe?.(),
  ]

  it('reports wrong credentials', async () => {
    for (const wrong of [
      { ...credentials, secretAccessKey: 'wrong' },
      { ...credentials, accessKeyId: 'nobody' },
    ]) {
      const store = storeWith({ credentials: wrong })
      for (const attempt of attempts(store)) expect(await codeOf(store, attempt())).toBe('store-auth-failed')
    }
  })

  it('reports a missing bucket, never an empty one', async () => {
    const store = storeWith({ bucket: 'no-such-bucket-anywhere' })
    for (const attempt of attempts(store)) expect(await codeOf(store, attempt())).toBe('store-not-found')
    await expect(store.put('k', bytes(10))).rejects.toThrow('NoSuchBucket')
  })

  it('reports an endpoint where nobody answers', async () => {
    const store = storeWith({ endpoint: 'http://127.0.0.1:1' })
    expect(await codeOf(store, store.head('k'))).toBe('store-unreachable')
    expect(await codeOf(store, drained(store.list('')))).toBe('store-unreachable')
  })

  it('repeats what a secret reference says when it cannot be read', async () => {
    const failure = new Error('environment variable X is not set')
    const read = () => {
      throw failure
    }
    const store = storeWith({ credentials: { accessKeyId: { read }, secretAccessKey: 'x' } })
    await expect(store.head('k')).rejects.toBe(failure)
  })
})

describe('repeating', () => {
  const isHead = ({ method }: { readonly method: string }) => method === 'HEAD'
  const isGet = ({ method }: { readonly method: string }) => method === 'GET'
  const slow = (seconds: string) =>
    ({ kind: 'answer', status: 503, body: errorBody('SlowDown'), headers: { 'retry-after': seconds } }) as const

  it('asks again after 500, 503 and a reset, for every kind of call, and says so each time', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    const retries: StoreRetry[] = []
    const onRetry = (retry: StoreRetry) => void retries.push(retry)
    await store.put('k', bytes(10))
    const calls: [string, () => Promise<unknown>][] = [
      ['PUT', () => store.put('k', bytes(10), { onRetry })],
      ['GET', () => drained(store.get('k', { onRetry }))],
      ['HEAD', () => store.head('k', { onRetry })],
      ['GET', () => drained(store.list('', { onRetry }))],
      ['DELETE', () => store.remove('k', { onRetry })],
    ]
    for (const [wanted, call] of calls) {
      retries.length = 0
      const mine = ({ method }: { readonly method: string }) => method === wanted
      proxy.inject(mine, { kind: 'answer', status: 500, body: errorBody('InternalError') })
      proxy.inject(mine, { kind: 'answer', status: 503, body: errorBody('SlowDown') })
      proxy.inject(mine, { kind: 'reset' })
      await call()
      expect(proxy.pending()).toBe(0)
      expect(retries.map(({ attempt, code }) => [attempt, code])).toEqual([
        [2, 'store-unreachable'],
        [3, 'store-unreachable'],
        [4, 'store-unreachable'],
      ])
    }
  })

  it('waits as long as the service asks, and not at all for one that asks for more than the budget', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    const waits: number[] = []
    const onRetry = ({ delayMs }: StoreRetry) => void waits.push(delayMs)
    proxy.inject(isHead, slow('1'))
    proxy.inject(isHead, slow(new Date(Date.now() + 2500).toUTCString()))
    await store.head('k', { onRetry })
    expect(waits[0]).toBeGreaterThanOrEqual(1000)
    expect(waits).toHaveLength(2)
    proxy.inject(isHead, slow('3600'))
    expect(await codeOf(store, store.head('k', { onRetry }))).toBe('store-unreachable')
    expect(waits).toHaveLength(2)
  })

  it('repeats a part alone, not the upload', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    const retries: string[] = []
    proxy.inject(isPart(2), { kind: 'answer', status: 503, body: errorBody('SlowDown') })
    await store.put('k', bytes(26 * mebibyte), { onRetry: ({ doing }) => void retries.push(doing) })
    expect(retries).toEqual(['UploadPart'])
    const parts = proxy.requests.flatMap(request => /partNumber=(\d+)/.exec(request)?.[1] ?? [])
    expect(parts.sort()).toEqual(['1', '2', '2', '3', '4'])
  })

  it.each([
    [403, 'AccessDenied', 'store-auth-failed'],
    [404, 'NoSuchBucket', 'store-not-found'],
    [400, 'InvalidArgument', 'store-refused'],
  ])('does not ask again after %i %s', async (status, name, code) => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint })
    const retries: StoreRetry[] = []
    proxy.inject(isGet, { kind: 'answer', status, body: errorBody(name) })
    expect(await codeOf(store, drained(store.list('', { onRetry: retry => void retries.push(retry) })))).toBe(code)
    expect(retries).toEqual([])
    expect(proxy.requests).toHaveLength(1)
  })

  it('gives up after its attempts, with the answer itself', async () => {
    const proxy = await proxied()
    const store = storeWith({ endpoint: proxy.endpoint, retry: { ...quick, attempts: 3 } })
    for (let i = 0; i < 3; i++) proxy.inject(isGet, { kind: 'answer', status: 503, body: errorBody('SlowDown') })
    await expect(drained(store.list(''))).rejects.toMatchObject({ name: 'SlowDown' })
    expect(proxy.requests).toHaveLength(3)
  })

  it('asks for credentials anew when they have expired, once, also in the middle of an upload', async () => {
    const proxy = await proxied()
    let asked = 0
    const store = storeWith({
      endpoint: proxy.endpoint,
      credentials: {
        accessKeyId: () => {
          asked += 1
          return credentials.accessKeyId
        },
        secretAccessKey: () => credentials.secretAccessKey,
      },
    })
    const expired = { kind: 'answer', status: 400, body: errorBody('ExpiredToken') } as const
    await store.put('k', bytes(10))
    expect(asked).toBe(1)
    proxy.inject(isGet, expired)
    expect(await length(store, 'k')).toBe(10)
    expect(asked).toBe(2)
    proxy.inject(isPart(1), expired)
    proxy.inject(isPart(2), expired)
    await store.put('large', bytes(26 * mebibyte))
    expect(await length(store, 'large')).toBe(26 * mebibyte)
    expect(asked).toBeLessThanOrEqual(4)
    proxy.inject(isGet, expired)
    proxy.inject(isGet, expired)
    expect(await codeOf(store, length(store, 'k'))).toBe('store-auth-failed')
  })
})

describe('a bucket with Object Lock', () => {
  const locked = `locked-${randomUUID()}`
  const inLocked = (prefix: string) => storeWith({ bucket: locked, prefix })
  const untilMs = Math.ceil(Date.now() / 1000) * 1000 + 3_600_000

  beforeAll(async () => {
    await client.send(new CreateBucketCommand({ Bucket: locked, ObjectLockEnabledForBucket: true }))
  })

  it('tells of each object until when it is kept, and of a legal hold', async () => {
    const store = inLocked('told')
    for (const key of ['free', 'kept', 'held']) await store.put(key, bytes(3))
    await retain('told/kept')
    await client.send(new PutObjectLegalHoldCommand({ Bucket: locked, Key: 'told/held', LegalHold: { Status: 'ON' } }))
    expect((await store.head('free'))?.retained).toBeUndefined()
    expect((await store.head('kept'))?.retained).toBe(`locked until ${new Date(untilMs).toISOString()}`)
    expect((await store.head('held'))?.retained).toBe('under a legal hold')
  })

  it('keeps a backup from being called removed by a prune, and the backup stays whole', async () => {
    const store = inLocked('pruned')
    const ids = ['20260101T000000Z-aaaaaa', '20260102T000000Z-bbbbbb', '20260103T000000Z-cccccc']
    for (const id of ids) await putBackup(store, id)
    await retain(`pruned/shop/${ids[0]}/database.dump.gz.gpg`)
    const lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value('postgres://nobody@127.0.0.1:1/nothing') },
          // Without the passphrase at hand records count as they are: this test is about the store.
          encryption: { passphrase: secret.env('LIFEBOAT_TEST_NOT_SET') },
          destinations: { local: { store, retention: { last: 1, minimum: 1 } } },
        },
      },
    })
    const [result] = await lifeboat.prune('shop', { apply: true })
    expect(result?.plan.remove.map(one => one.id)).toEqual([ids[1], ids[0]])
    expect(result?.removed).toEqual([ids[1]])
    expect(result?.retained).toEqual([
      { id: ids[0], message: expect.stringMatching(/database\.dump\.gz\.gpg is locked until \d{4}-/) },
    ])
    expect(await store.head(`shop/${ids[0]}/manifest.json`)).toBeDefined()
    expect((await lifeboat.list()).backups.map(one => one.id).sort()).toEqual([ids[0], ids[2]])
  })

  async function retain(Key: string): Promise<void> {
    const Retention = { Mode: 'GOVERNANCE', RetainUntilDate: new Date(untilMs) } as const
    await client.send(new PutObjectRetentionCommand({ Bucket: locked, Key, Retention }))
  }
})

/** A backup as far as a prune looks at it, with a record that it was verified. */
async function putBackup(store: ObjectStore, id: string): Promise<void> {
  const manifest = sampleManifest(id)
  const [{ key, storedSha256 }] = manifest.artifacts as [Artifact]
  await store.put(key, bytes(3))
  await store.put(`shop/${id}/manifest.json`, text(JSON.stringify(manifest)))
  const record = { id, at: manifest.createdAt, level: 'content', ok: true, storedSha256: [storedSha256] }
  await store.put(`shop/verifications/${id}.json`, text(JSON.stringify(record)))
}

async function* text(written: string): ByteSource {
  yield Buffer.from(written)
}

describe('credentials', () => {
  it('takes text, references and functions', async () => {
    const { accessKeyId, secretAccessKey } = credentials
    const store = storeWith({
      credentials: { accessKeyId: { read: () => accessKeyId }, secretAccessKey: async () => secretAccessKey },
    })
    await store.put('k', bytes(3))
    expect(await length(store, 'k')).toBe(3)
  })
})

const proxies: FaultProxy[] = []
async function proxied(): Promise<FaultProxy> {
  const proxy = await startFaultProxy(endpoint)
  proxies.push(proxy)
  return proxy
}
afterEach(async () => {
  for (const proxy of proxies.splice(0)) {
    expect(proxy.pending()).toBe(0)
    await proxy.close()
  }
})

/** The same objects as `store`, without a proxy in between. */
function storeAt(store: ObjectStore): ObjectStore {
  return storeWith({ prefix: store.location.replace(`s3://${bucket}/`, '') })
}

function isPart(number: number) {
  return ({ url }: { readonly url: string }) => url.includes(`partNumber=${number}&`)
}

function errorBody(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>made up by a test</Message></Error>`
}

async function* bytes(total: number): ByteSource {
  for (let at = 0, n = 0; at < total; at += mebibyte, n++)
    yield Buffer.alloc(Math.min(mebibyte, total - at), `chunk ${n} `)
}

async function length(store: ObjectStore, key: string, range?: { start: number; end: number }): Promise<number> {
  let total = 0
  for await (const chunk of store.get(key, { range })) total += chunk.byteLength
  return total
}

async function digest(store: ObjectStore, key: string): Promise<string> {
  const { createHash } = await import('node:crypto')
  const hash = createHash('sha256')
  for await (const chunk of store.get(key)) hash.update(chunk)
  return hash.digest('hex')
}

async function drained(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}

async function codeOf(store: ObjectStore, call: Promise<unknown> | undefined): Promise<string | undefined> {
  const outcome = await Promise.resolve(call).then(
    () => 'no error',
    (error: unknown) => ({ error }),
  )
  if (typeof outcome === 'string') return outcome
  return store.classify(outcome.error) ?? `unclassified: ${outcome.error}`
}

async function removeUnfinishedUploads(): Promise<void> {
  const { AbortMultipartUploadCommand } = await import('@aws-sdk/client-s3')
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
  for (const { Key, UploadId } of Uploads) {
    await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
  }
}
