import { randomUUID } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import type { ObjectStore } from '@lifeboat/core'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import { s3 } from '@lifeboat/provider-s3'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  type FaultProxy,
  type ProxyFault,
  type S3Request,
  s3Refusal,
  s3RequestOf,
  startFaultProxy,
} from '../fault-proxy.js'
import type {} from '../global-setup-s3.js'
import { expectCaught, type FaultShop, findingsOf, keysIn, openFaultShop, refusalOf } from './fault-shop.js'

/* Fault 16, and the part of 21 that needs Object Lock: a real S3 service behind a proxy that makes it go wrong. */

const { endpoint, ...credentials } = inject('s3')
const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
const bucket = `lifeboat-faults-${randomUUID()}`
const lockedBucket = `lifeboat-locked-${randomUUID()}`

let server: ScratchServer
let shop: FaultShop
let proxy: FaultProxy

beforeAll(async () => {
  server = await startScratchServer()
  shop = await openFaultShop('faults_s3', server.url())
  // More than one part of 8 MiB, so that an upload can break between them.
  await shop.query(
    'faults_s3',
    `create table noise (note bytea); alter table noise alter note set storage external;
     insert into noise select string_agg(sha512((g || ':' || r)::bytea), '') from generate_series(1, 150) g, generate_series(1, 2000) r group by g`,
  )
  proxy = await startFaultProxy(endpoint)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  await client.send(new CreateBucketCommand({ Bucket: lockedBucket, ObjectLockEnabledForBucket: true }))
})
afterAll(async () => {
  await proxy.close()
  await shop.close()
  await server.stop()
})

function storeIn(prefix: string, at = proxy.endpoint, into = bucket): ObjectStore {
  const retry = { firstDelayMs: 10, longestDelayMs: 20 }
  return s3({ bucket: into, endpoint: at, credentials, prefix, conditionalPut: true, retry, idleTimeoutMs: 2_000 })
}
const unfinished = async () =>
  ((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).length

describe('an S3 service that goes wrong during a backup', () => {
  const reset = { kind: 'reset' } as const
  it.each<[string, S3Request, ProxyFault, number]>([
    ['500 to the first part', 'UploadPart', s3Refusal(500, 'InternalError'), 0],
    ['503 SlowDown to the second part', 'UploadPart', s3Refusal(503, 'SlowDown'), 1],
    ['a part reset before it arrives', 'UploadPart', reset, 1],
    ['a part cut half-way', 'UploadPart', { kind: 'cut-request', afterBytes: 4_000_000 }, 0],
    ['a part that stalls', 'UploadPart', { kind: 'stall' }, 0],
    ['the answer to the last request lost', 'CompleteMultipartUpload', { kind: 'lose-answer' }, 0],
    ['503 SlowDown to the manifest', 'PutObject', s3Refusal(503, 'SlowDown'), 1],
  ])('is asked again after %s, and the backup is whole', async (made, request, fault, skip) => {
    const prefix = randomUUID()
    const stores = { offsite: storeIn(prefix) }
    proxy.inject(one => s3RequestOf(one) === request, fault, { skip })
    const lifeboat = await shop.open({ stores })
    await expectCaught({ fault: 16, made, level: 'backup' }, ['retry.scheduled'], async () => {
      const retries: string[] = []
      const { status } = await lifeboat.backup('shop', {
        onEvent: event => event.type === 'retry.scheduled' && retries.push(event.type),
      })
      expect(status).toBe('complete')
      return [...new Set(retries)]
    })
    expect(proxy.pending()).toBe(0)
    expect(
      await findingsOf(await shop.open({ stores: { offsite: storeIn(prefix, endpoint) } }), 'shop/latest', 'stored'),
    ).toEqual([])
    expect(await unfinished()).toBe(0)
  })

  it.each<[string, S3Request, ProxyFault, number, number, string]>([
    ['403 to a part half-way', 'UploadPart', s3Refusal(403, 'AccessDenied'), 1, 1, 'store-auth-failed'],
    ['403 to the manifest', 'PutObject', s3Refusal(403, 'AccessDenied'), 1, 1, 'store-auth-failed'],
    ['503 to a part, again and again', 'UploadPart', s3Refusal(503, 'SlowDown'), 1, 6, 'store-unreachable'],
  ])('%s fails the backup, and leaves nothing', async (made, request, fault, skip, times, code) => {
    const prefix = randomUUID()
    const lifeboat = await shop.open({ stores: { offsite: storeIn(prefix) } })
    const met = new Set<string>()
    // The same part each time: others in flight must not use up its failures.
    const same = (url: string) => {
      const part = new URL(url, endpoint).searchParams.get('partNumber')
      if (part !== null && met.size === 0 && part !== '1') met.add(part)
      return part === null || met.has(part)
    }
    proxy.inject(one => s3RequestOf(one) === request && same(one.url), fault, {
      skip: request === 'UploadPart' ? 0 : skip,
      times,
    })
    await expectCaught({ fault: 16, made, level: 'backup' }, [code], async () => [
      (await refusalOf(lifeboat.backup('shop'))).code,
    ])
    expect(proxy.pending()).toBe(0)
    expect(await keysIn(storeIn(prefix, endpoint))).toEqual([])
    expect(await unfinished()).toBe(0)
  })
})

describe('uploads that a dead process never finished', () => {
  it('are given up by a prune a day later, at its end; those of others stay', async () => {
    const prefix = randomUUID()
    const begin = async (key: string) => {
      const Key = `${prefix}/${key}`
      await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))
      return Key
    }
    const ours = await begin('shop/20261121T020000Z-7f3k9q/database.dump.gz.gpg')
    const theirs = [await begin('shop/uploads/film.gpg'), await begin('shopping/20261121T020000Z-7f3k9q/a.gpg')]
    const keys = async () =>
      ((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))).Uploads ?? []).map(
        one => one.Key!,
      )
    expect(await keys()).toHaveLength(3)
    const prunedAfter = async (hours: number) => {
      const now = () => new Date(Date.now() + hours * 3_600_000)
      const stores = { offsite: storeIn(prefix, endpoint) }
      const [result] = await (await shop.open({ stores, deps: { now } })).prune('shop', { apply: true })
      return result!.sweep.removed.map(key => `${prefix}/${key}`)
    }
    expect(await prunedAfter(23)).toEqual([])
    expect(await prunedAfter(25)).toEqual([ours])
    expect((await keys()).sort()).toEqual(theirs.sort())
    for (const Key of theirs) {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: Key }))
      await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId: Uploads[0]!.UploadId }))
    }
  })
})

describe('a prune that Object Lock refuses', () => {
  it('reports what is retained, and goes on', async () => {
    const store = storeIn('locked', endpoint, lockedBucket)
    const small = { source: { url: shop.config().products.shop!.source.url, excludeTableData: ['public.noise'] } }
    const lifeboat = await shop.open({ stores: { offsite: store }, product: small, retention: { last: 1, minimum: 1 } })
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      const { id, manifest } = await lifeboat.backup('shop')
      ids.push(id)
      await lifeboat.verify(`shop/${id}`)
      if (i > 0) continue
      const RetainUntilDate = new Date(Date.now() + 3_600_000)
      const Key = `locked/${manifest.artifacts[0]!.key}`
      await client.send(
        new PutObjectRetentionCommand({
          Bucket: lockedBucket,
          Key,
          Retention: { Mode: 'GOVERNANCE', RetainUntilDate },
        }),
      )
    }
    await expectCaught(
      { fault: 21, made: 'deletion refused by Object Lock', level: 'prune' },
      ['retained'],
      async () => {
        const [result] = await lifeboat.prune('shop', { apply: true })
        expect(result!.removed).toEqual([ids[1]])
        return result!.retained.map(({ id, message }) =>
          id === ids[0] && message.includes('database.dump') ? 'retained' : message,
        )
      },
    )
    expect((await lifeboat.list()).backups.map(one => one.id).sort()).toEqual([ids[0], ids[2]].sort())
  })
})
