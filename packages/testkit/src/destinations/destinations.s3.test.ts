import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import {
  directory,
  generateKeyPair,
  type Lifeboat,
  type LifeboatConfig,
  type ObjectStore,
  openLifeboat,
  secret,
} from '@lifeboat/core'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import { type S3Options, s3 } from '@lifeboat/provider-s3'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type ArchiveTier, startArchiveTier } from '../archive-tier.js'
import type {} from '../global-setup-s3.js'

const { endpoint, ...credentials } = inject('s3')
const { principal, ...guest } = inject('s3Guest')
const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
const passphrase = secret.value('correct horse battery')
const hour = 3_600_000
const day = 24 * hour

/** Of copies of objects, as deriving keys from a passphrase for every run takes its time. */
const byKeys = { recipients: ['team.asc'], privateKey: 'private.asc', signingKey: 'private.asc' }
let keyFolder: string
let server: ScratchServer
beforeAll(async () => {
  keyFolder = await mkdtemp(join(tmpdir(), 'lifeboat-rules-'))
  const { publicKey, privateKey } = await generateKeyPair({ name: 'team' })
  await writeFile(join(keyFolder, 'team.asc'), publicKey)
  await writeFile(join(keyFolder, 'private.asc'), privateKey)
  server = await startScratchServer()
  const database = new pg.Client(server.url())
  await database.connect()
  await database.query('create table orders as select g as id, md5(g::text) as note from generate_series(1, 500) g')
  await database.query('create database large')
  await database.end()
  const large = new pg.Client(largeUrl())
  await large.connect()
  // Noise does not compress: an upload of several parts.
  await large.query(
    "create table orders as select g as id, string_agg(md5(g || ':' || r), '') as note from generate_series(1, 600) g, generate_series(1, 1000) r group by g",
  )
  await large.end()
})
afterAll(async () => {
  await rm(keyFolder, { recursive: true, force: true })
  await server.stop()
})

const largeUrl = () => Object.assign(new URL(server.url()), { pathname: '/large' }).href

async function makeBucket(options: { readonly lock?: boolean; readonly versions?: boolean } = {}): Promise<string> {
  const Bucket = `rules-${randomUUID()}`
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: options.lock === true }))
  if (options.versions)
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }))
  return Bucket
}

const storeIn = (bucket: string, options: Partial<S3Options> = {}) =>
  s3({
    ...{ bucket, endpoint, credentials, prefix: 'dr', conditionalPut: true },
    ...{ objectLock: true, storageClasses: true, ...options },
  })

type Destination = LifeboatConfig['products'][string]['destinations'][string]

function open(
  destinations: Record<string, Destination>,
  now = () => new Date(),
  url = server.url(),
  objects?: LifeboatConfig['products'][string]['objects'],
  sleep: (ms: number) => Promise<void> = async () => {},
): Promise<Lifeboat> {
  const source = { url: secret.value(url) }
  return openLifeboat(
    {
      products: {
        shop: { source, destinations, ...(objects ? { encryption: byKeys, objects } : { encryption: { passphrase } }) },
      },
    },
    { deps: { now, sleep }, configFolder: keyFolder },
  )
}

const versionsIn = async (Bucket: string, Prefix = 'dr/shop/2') => {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix }))
  return { versions: Versions.length, markers: DeleteMarkers.length }
}

describe('Object Lock', () => {
  it('refuses an early delete, prune reports the backup as retained, and doctor finds a lock shorter than the retention', async () => {
    const bucket = await makeBucket({ lock: true })
    const destination = (days: number): Destination => ({
      store: storeIn(bucket),
      objectLock: { mode: 'governance', days },
      retention: { keepWithin: '2d', minimum: 1 },
    })
    const lifeboat = await open({ locked: destination(30) }, undefined, largeUrl())
    const first = await lifeboat.backup('shop')
    expect(first.status).toBe('complete')
    const artifact = `dr/${first.manifest.artifacts[0]!.key}`
    const head = await storeIn(bucket).head(first.manifest.artifacts[0]!.key)
    expect(head?.sizeBytes).toBeGreaterThan(8 * 2 ** 20)

    // The service itself, asked for the very version.
    for (const Key of [artifact, `dr/shop/${first.id}/manifest.json`]) {
      const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: Key }))
      const deleting = client.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId: Versions[0]!.VersionId }))
      await expect(deleting).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
    }

    // A second backup ages the first one out by the rules, while its lock still holds.
    const later = await open({ locked: destination(30) }, () => new Date(Date.now() + 5 * day))
    const second = await later.backup('shop')
    for (const id of [first.id, second.id]) expect((await later.verify(`shop/${id}`)).ok).toBe(true)
    const [pruned] = await (await open({ locked: destination(30) }, () => new Date(Date.now() + 6 * day))).prune(
      'shop',
      {
        apply: true,
      },
    )
    expect(pruned?.plan.remove.map(one => one.id)).toEqual([first.id])
    expect(pruned?.removed).toEqual([])
    expect(pruned?.retained).toEqual([
      { id: first.id, message: expect.stringMatching(/is locked until \d{4}-\d\d-\d\d/) },
    ])
    expect((await lifeboat.list()).backups.map(one => one.id)).toEqual([second.id, first.id])
    expect(await versionsIn(bucket)).toEqual({ versions: 4, markers: 0 })

    const short = await (await open({ locked: { ...destination(1), retention: { keepWithin: '30d' } } })).doctor('shop')
    expect(short.filter(one => !one.ok).map(one => one.message)).toEqual([
      'locked: backups are locked for 1 day (governance), and the retention keeps 30d: for 29 days they can be removed',
    ])
    expect((await lifeboat.doctor('shop')).filter(one => !one.ok)).toEqual([])
  })

  it('as a legal hold, or by the default of the bucket, is seen as well', async () => {
    const bucket = await makeBucket({ lock: true })
    const lifeboat = await open({ held: { store: storeIn(bucket), objectLock: { legalHold: true } } })
    const { manifest } = await lifeboat.backup('shop')
    for (const key of [manifest.artifacts[0]!.key, `shop/${manifest.id}/manifest.json`])
      expect((await storeIn(bucket).head(key))?.retained).toBe('under a legal hold')
    const Rule = { DefaultRetention: { Mode: 'COMPLIANCE', Days: 5 } } as const
    await client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: bucket,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule },
      }),
    )
    const checks = await (await open({ plain: { store: storeIn(bucket), retention: { daily: 10 } } })).doctor('shop')
    expect(checks.filter(one => !one.ok).map(one => one.message)).toEqual([
      'plain: backups are locked for 5 days (compliance), and the retention keeps 10 days: for 5 days they can be removed',
    ])
  })

  it('that the bucket does not have fails the upload, and doctor says so beforehand', async () => {
    const bucket = await makeBucket()
    const lifeboat = await open({ locked: { store: storeIn(bucket), objectLock: { days: 3 } } })
    expect((await lifeboat.doctor('shop')).filter(one => !one.ok).map(one => one.message)).toEqual([
      'locked: objectLock is configured, and the bucket has no Object Lock',
    ])
    await expect(lifeboat.backup('shop')).rejects.toMatchObject({ code: expect.stringMatching(/^store-/) })
    const keys = []
    for await (const { key } of storeIn(bucket).list('')) keys.push(key)
    expect(keys).toEqual([])
  })
})

describe('copies of objects under Object Lock', () => {
  const locksIn = async (store: ObjectStore, prefix = 'shop/objects/') => {
    const found: { readonly key: string; readonly lockedUntil: Date | undefined }[] = []
    for await (const { key } of store.list(prefix))
      found.push({ key, lockedUntil: (await store.head(key))?.lockedUntil })
    return found
  }
  const daysFrom = (start: number, until: Date | undefined) => Math.round(((until?.getTime() ?? 0) - start) / day)
  const rules = { objectLock: { mode: 'governance', days: 8 } } as const
  const retention = { last: 1, minimum: 1 }

  async function setUp(options: Partial<S3Options> = {}) {
    const [bucket, uploads] = [await makeBucket({ lock: true }), storeIn(await makeBucket())]
    await uploads.put('small/one', bytesOf('small'))
    const start = Date.now()
    const clock = { now: start }
    const store = storeIn(bucket, options)
    const now = () => new Date(clock.now)
    const lifeboat = await open({ locked: { store, ...rules } }, now, server.url(), {
      uploads: { from: uploads, retention },
    })
    const copyOn = async (days: number) => {
      clock.now = start + days * day
      const { destinations } = await lifeboat.copyObjects('shop', 'uploads')
      expect(destinations[0]).toMatchObject({ outcome: 'complete' })
      return destinations[0]!.snapshot!.id
    }
    const content = () => locksIn(store, 'shop/objects/uploads/content/')
    return { bucket, uploads, start, clock, store, lifeboat, copyOn, content }
  }

  it('are locked with all that a snapshot needs; what is carried on is locked anew, and prune says retained', async () => {
    const { bucket, uploads, start, clock, store, lifeboat, copyOn, content } = await setUp()
    await uploads.put('long/in parts', bytesOf('x'.repeat(9 * 2 ** 20)))
    const first = await copyOn(0)
    const written = await locksIn(store)
    expect(written.map(({ key }) => key.split('/')[3])).toEqual([
      ...['content', 'content', 'inventories', 'listings', 'snapshots'],
    ])
    for (const { key, lockedUntil } of written) {
      // Content for a quarter longer, so that it is not locked anew each night.
      expect(daysFrom(start, lockedUntil), key).toBe(key.includes('/content/') ? 10 : 8)
      const { Versions = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: `dr/${key}` }),
      )
      const deleting = new DeleteObjectCommand({ Bucket: bucket, Key: `dr/${key}`, VersionId: Versions[0]!.VersionId! })
      await expect(client.send(deleting)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
    }
    const second = await copyOn(1)
    expect((await content()).map(one => daysFrom(start, one.lockedUntil))).toEqual([10, 10])
    const third = await copyOn(3)
    expect((await content()).map(one => daysFrom(start, one.lockedUntil))).toEqual([13, 13])

    // A run that fails leaves what is locked, and hides nothing.
    const put: ObjectStore['put'] = (key, ...rest) =>
      key.includes('/inventories/') ? Promise.reject(new Error('no room')) : store.put(key, ...rest)
    const failing = await open({ locked: { store: { ...store, put }, ...rules } }, undefined, server.url(), {
      uploads: { from: uploads, retention },
    })
    await expect(failing.copyObjects('shop', 'uploads', { full: true })).rejects.toThrow(/no room/)
    const left = (await locksIn(store)).length - written.length - 2 * 3
    expect(left).toBe(3)

    clock.now = start + 5 * day
    const before = await locksIn(store)
    const [pruned] = await lifeboat.pruneObjects('shop', 'uploads', { apply: true })
    expect(pruned?.plan.remove.map(one => one.id)).toEqual([second, first])
    expect(pruned).toMatchObject({ removed: [], freed: { count: 0 }, held: null, unneeded: { count: left } })
    expect(pruned?.retained).toEqual(
      [second, first].map(id => ({ id, message: expect.stringMatching(/is locked until \d{4}-\d\d-\d\d/) })),
    )
    expect(pruned?.locked).toMatchObject({ count: left, until: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) })
    expect(await locksIn(store)).toEqual(before)
    for (const snapshot of [first, third])
      expect(await lifeboat.verifyObjects('shop', 'uploads', { snapshot })).toMatchObject({ ok: true, read: 2 })
  })

  it('are locked anew by a writer’s own rights, and a lock that is longer than a run knows is none of its failures', async () => {
    const { bucket, start, lifeboat, store, copyOn, content } = await setUp({ credentials: guest })
    const [writer] = await lifeboat.policies('shop', { role: 'writer' })
    await setPolicy(bucket, writer?.policy?.document)
    await copyOn(0)
    await copyOn(3)
    const [one] = await content()
    expect(daysFrom(start, one!.lockedUntil)).toBe(13)
    // As a run locked it that died before it wrote its inventory.
    await store.extendLock!(one!.key, { mode: 'governance', until: new Date(start + 40 * day), legalHold: false })
    await copyOn(6)
    expect(daysFrom(start, (await content())[0]!.lockedUntil)).toBe(40)
    for (const remove of [store.remove, store.removeForGood!])
      await expect(remove(one!.key)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
  })

  it('are compared by doctor with how long the set keeps them', async () => {
    const bucket = await makeBucket({ lock: true })
    const sets = {
      uploads: { from: storeIn(await makeBucket()), retention: { daily: 5 } },
      recordings: { from: storeIn(await makeBucket()), retention: { keepWithin: '60d' } },
    }
    const store = storeIn(bucket)
    const told = async (destination: Destination, more = {}) => {
      const lifeboat = await open({ locked: destination }, undefined, server.url(), {
        ...sets,
        recordings: { ...sets.recordings, ...more },
      })
      return (await lifeboat.doctor('shop')).filter(one => !one.ok).map(one => one.message)
    }
    expect(await told({ store, objectLock: { days: 5 } })).toEqual([
      'locked: copies of recordings are locked for 5 days (governance), and the retention keeps 60d: for 55 days older snapshots can be removed',
    ])
    expect(await told({ store, objectLock: { days: 5 } }, { objectLock: { days: 60 } })).toEqual([])
  })
})

describe('a bucket that keeps versions', () => {
  it('loses a pruned backup with all its versions, and keeps none behind delete markers', async () => {
    const bucket = await makeBucket({ versions: true })
    const destination = { store: storeIn(bucket), retention: { last: 1, minimum: 1 } }
    const lifeboat = await open({ versioned: destination })
    const first = await lifeboat.backup('shop')
    const later = await open({ versioned: destination }, () => new Date(Date.now() + hour))
    const second = await later.backup('shop')
    expect((await later.verify(`shop/${second.id}`)).ok).toBe(true)
    expect((await later.verify(`shop/${first.id}`)).ok).toBe(true)
    const [pruned] = await later.prune('shop', { apply: true })
    expect(pruned).toMatchObject({ removed: [first.id], retained: [] })
    expect(await versionsIn(bucket, `dr/shop/${first.id}`)).toEqual({ versions: 0, markers: 0 })
  })

  it('is told of honestly where the key may only hide', async () => {
    const bucket = await makeBucket({ versions: true })
    const { store } = { store: storeIn(bucket) }
    const first = await (await open({ versioned: { store } })).backup('shop')
    const second = await (await open({ versioned: { store } }, () => new Date(Date.now() + hour))).backup('shop')
    for (const id of [first.id, second.id])
      expect((await (await open({ versioned: { store } })).verify(`shop/${id}`)).ok).toBe(true)
    const document = (await policyOf(bucket, 'pruner')) as { Statement: { Action: string[] }[] }
    for (const one of document.Statement) one.Action = one.Action.filter(action => action !== 's3:DeleteObjectVersion')
    await setPolicy(bucket, document)
    const lifeboat = await open(
      { versioned: { store: storeIn(bucket, { credentials: guest }), retention: { last: 1, minimum: 1 } } },
      () => new Date(Date.now() + 2 * hour),
    )
    const [pruned] = await lifeboat.prune('shop', { apply: true })
    expect(pruned?.removed).toEqual([])
    expect(pruned?.retained).toEqual([
      {
        id: first.id,
        message: expect.stringMatching(/is hidden by a delete marker, and kept as a version: 1 of 1 versions/),
      },
    ])
    expect((await lifeboat.list()).backups.map(one => one.id)).toEqual([second.id])
  })
})

describe('a key that may not see versions', () => {
  it('removes, and says what it cannot tell, unless the bucket never kept any', async () => {
    const found: string[][] = []
    for (const versions of [false, true]) {
      const bucket = await makeBucket({ versions })
      const document = (await policyOf(bucket, 'pruner')) as { Statement: { Action: string[] }[] }
      for (const hideVersioning of [false, true]) {
        for (const one of document.Statement)
          one.Action = one.Action.filter(
            action => action !== 's3:ListBucketVersions' && !(hideVersioning && action === 's3:GetBucketVersioning'),
          )
        await storeIn(bucket).put('shop/20261121T020000Z-7f3k9q/database.dump.gz.gpg', bytesOf('x'))
        await setPolicy(bucket, document)
        const store = storeIn(bucket, { credentials: guest })
        const { state, message } = await store.removeForGood!('shop/20261121T020000Z-7f3k9q/database.dump.gz.gpg')
        found.push([state, message ?? ''])
      }
    }
    expect(found).toEqual([
      ['gone', ''],
      ['removed', expect.stringContaining('whether older versions of it are kept, the service does not tell')],
      ['hidden', expect.stringContaining('the versions of it cannot be listed')],
      ['hidden', expect.stringContaining('the versions of it cannot be listed')],
    ])
  })
})

async function policyOf(bucket: string, role: 'writer' | 'verifier' | 'pruner'): Promise<unknown> {
  const [found] = await (await open({ offsite: { store: storeIn(bucket) } })).policies('shop', { role })
  return found?.policy?.document
}

/** What an account's policy says of its user, said of the guest by the bucket. */
async function setPolicy(Bucket: string, document: unknown): Promise<void> {
  const { Version, Statement } = document as { Version: string; Statement: object[] }
  const named = Statement.map(one => ({ ...one, Principal: { AWS: [principal] } }))
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version, Statement: named }) }))
}

describe('files in a backup', () => {
  it('go to a bucket in parts and to others, each for its own readers, and come back from each with its own key alone', async () => {
    const bucket = await makeBucket()
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-s3-files-'))
    try {
      for (const name of ['team', 'auditor']) {
        const pair = await generateKeyPair({ name })
        await writeFile(join(folder, `${name}.asc`), pair.publicKey)
        await writeFile(join(folder, `${name}-private.asc`), pair.privateKey)
      }
      await mkdir(join(folder, 'app'))
      const noise = randomBytes(9 * 2 ** 20)
      await writeFile(join(folder, 'app/noise'), noise)
      await writeFile(join(folder, 'app/.env'), 'KEY=planted')
      const openWith = (reader: string) =>
        openLifeboat(
          {
            products: {
              shop: {
                source: { url: secret.value(server.url()) },
                encryption: { recipients: ['team.asc'], privateKey: `${reader}-private.asc` },
                destinations: {
                  offsite: { store: storeIn(bucket), encryption: { recipients: ['auditor.asc'] } },
                  near: { store: directory(join(folder, 'near')) },
                },
                files: { app: { root: 'app', include: ['**', '.env'] } },
              },
            },
          },
          { configFolder: folder },
        )
      const made = await (await openWith('team')).backup('shop')
      expect(made.status).toBe('complete')
      for (const [destination, reader, other] of [
        ['offsite', 'auditor', 'team'],
        ['near', 'team', 'auditor'],
      ] as const) {
        const to = join(folder, `out-${destination}`)
        const refused = (await openWith(other)).restoreFiles('shop/latest', { toFolder: to, destination })
        await expect(refused).rejects.toMatchObject({ code: 'wrong-key' })
        await expect(readdir(to)).rejects.toMatchObject({ code: 'ENOENT' })
        const own = await openWith(reader)
        expect((await own.verify('shop/latest', { destination })).ok).toBe(true)
        await own.restoreFiles('shop/latest', { toFolder: to, destination })
        expect(noise.equals(await readFile(join(to, 'noise')))).toBe(true)
        expect(await readFile(join(to, '.env'), 'utf8')).toBe('KEY=planted')
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe("a role's policy", () => {
  it('as a writer is enough for a backup, and refuses to delete and to write over, as doctor --probe finds', async () => {
    const bucket = await makeBucket({ versions: true })
    const store = storeIn(bucket, { credentials: guest })
    const writer = await open({ offsite: { store } })
    await expect(writer.backup('shop')).rejects.toMatchObject({ code: 'store-auth-failed' })
    await setPolicy(bucket, await policyOf(bucket, 'writer'))
    const warnings: string[] = []
    const onEvent = (event: { type: string; message?: string }) =>
      void (event.type === 'warning.raised' && warnings.push(event.message ?? ''))
    const { status, id, manifest } = await writer.backup('shop', { onEvent })
    expect([status, warnings]).toEqual(['complete', []])
    const again = await writer.backup('shop', { onEvent })
    expect([again.status, warnings]).toEqual(['complete', []])

    const own = storeIn(bucket)
    const { key, storedBytes } = manifest.artifacts[0]!
    for (const one of [key, `shop/${id}/manifest.json`]) {
      await expect(store.remove(one)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
      expect((await store.removeForGood!(one).catch(error => ({ state: error.name }))).state).toBe('AccessDenied')
      await expect(store.put(one, bytesOf('over'), { ifAbsent: true })).rejects.toMatchObject({ code: 'object-exists' })
    }
    expect((await store.head(key))?.sizeBytes).toBe(storedBytes)
    // Ceph knows no condition for it: whoever writes over without asking leaves what was there as a version.
    await store.put(`shop/${again.id}/manifest.json`, bytesOf('over'))
    expect((await versionsIn(bucket, `dr/shop/${again.id}/manifest.json`)).versions).toBe(2)
    for (const foreign of ['blog/20261121T020000Z-7f3k9q/manifest.json', 'shop/verifications/x.json'])
      await expect(store.put(foreign, bytesOf('x'))).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })

    const probed = (await writer.doctor('shop', { probe: true })).filter(one => /store|probe/.test(one.area))
    expect(probed.filter(one => !one.ok)).toEqual([])
    expect(probed.map(one => one.message)).toEqual(
      expect.arrayContaining([
        'offsite: this key can write over what is there, which then stays as an older version',
        'offsite: this key cannot delete',
        expect.stringMatching(/^offsite: the probe left shop\/\d{8}T\d{6}Z-[a-z0-9]{6}\/probe\.gpg$/),
      ]),
    )
    const full = (await (await open({ offsite: { store: own } })).doctor('shop', { probe: true })).filter(
      one => one.area === 'probe',
    )
    expect(full.map(one => [one.ok, one.message])).toEqual([
      [true, 'offsite: this key can write over what is there, which then stays as an older version'],
      [false, 'offsite: this key can delete for good'],
    ])
  })

  it('as a verifier is enough to read back and to record it, as a pruner to prune and sweep; neither does the other', async () => {
    const bucket = await makeBucket()
    const own = await open({ offsite: { store: storeIn(bucket), retention: { last: 1, minimum: 1 } } })
    const first = await own.backup('shop')
    const second = await own.backup('shop')
    const store = storeIn(bucket, { credentials: guest })
    const other = await open({ offsite: { store, retention: { last: 1, minimum: 1 } } })

    await setPolicy(bucket, await policyOf(bucket, 'verifier'))
    for (const { id } of [first, second]) expect((await other.verify(`shop/${id}`)).ok).toBe(true)
    await expect(other.prune('shop', { apply: true })).rejects.toThrow()
    expect((await other.history('shop')).length).toBe(2)

    await setPolicy(bucket, await policyOf(bucket, 'pruner'))
    const [pruned] = await other.prune('shop', { apply: true })
    expect(pruned).toMatchObject({ removed: [first.id], retained: [] })
    await expect(other.backup('shop')).rejects.toMatchObject({ code: 'store-auth-failed' })
    expect((await own.list()).backups.map(one => one.id)).toEqual([second.id])
  })
})

describe('how a bucket is set up', () => {
  it('is told by doctor: what lets strangers in, and rules that remove what the retention keeps', async () => {
    const Bucket = await makeBucket()
    const Statement = [
      { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/*` },
    ]
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
    await client.send(new PutBucketPolicyCommand({ Bucket, Policy }))
    const rule = { ID: 'tidy', Status: 'Enabled', Filter: { Prefix: 'dr/' }, Expiration: { Days: 7 } } as const
    const Rules = [rule, { ...rule, ID: 'others', Filter: { Prefix: 'uploads/' } }]
    await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }))
    const lifeboat = await open({ offsite: { store: storeIn(Bucket), retention: { keepWithin: '30d' } } })
    const bad = (await lifeboat.doctor('shop')).filter(one => !one.ok).map(one => one.message)
    expect(bad).toEqual([
      'offsite: strangers may get in: its policy lets everybody',
      'offsite: the lifecycle rule "tidy" removes objects after 7 days, and the retention keeps 30 days',
    ])
  })
})

describe('an archive', () => {
  let bucket: string
  let tier: ArchiveTier
  beforeAll(async () => {
    bucket = await makeBucket()
    tier = await startArchiveTier(endpoint, path => path.endsWith('.gpg'))
  })
  afterAll(() => tier.close())

  it('is known as such, is never read unasked, and is retrieved, waited for and read when asked', async () => {
    const store = storeIn(bucket, { endpoint: tier.endpoint, archiveClasses: ['DEEP_ARCHIVE'] })
    const local = storeIn(await makeBucket())
    let waits = 0
    const config = {
      products: {
        shop: {
          source: { url: secret.value(server.url()) },
          encryption: { passphrase },
          destinations: {
            local: { store: local },
            archive: { store, storageClass: 'DEEP_ARCHIVE', retention: { last: 1, minimum: 1 } },
          },
        },
      },
    }
    let nowMs = Date.now()
    const sleep = async (ms: number) => {
      nowMs += ms
      waits += 1
      if (waits % 5 === 0) tier.finishRetrievals()
    }
    const lifeboat = await openLifeboat(config, { deps: { now: () => new Date(nowMs), sleep } })
    const first = await lifeboat.backup('shop')
    expect(first.status).toBe('complete')
    const key = first.manifest.artifacts[0]!.key
    expect(await store.head(key)).toMatchObject({ storageClass: 'DEEP_ARCHIVE', archive: { state: 'archived' } })
    // The manifest stays where listings can read it.
    expect((await store.head(`shop/${first.id}/manifest.json`))?.archive).toBeUndefined()
    const name = `shop/${first.id}`
    const at = { destination: 'archive' }

    for (const level of ['stored', 'content'] as const) {
      const report = await lifeboat.verify(name, { ...at, level })
      expect(report).toMatchObject({ ok: true, level: 'listed', readBytes: 0 })
      expect(report.findings.map(one => [one.severity, one.code])).toEqual([['warning', 'artifact-archived']])
    }
    await expect(lifeboat.copy(name, { from: 'archive', to: 'local' })).rejects.toMatchObject({
      ...{ code: 'object-archived', hint: expect.stringContaining('--retrieve') },
    })
    expect([tier.retrievals.length, tier.refusedReads()]).toEqual([0, 0])

    // Asked for, and come back later: said with the hour.
    const asked = lifeboat.verify(name, { ...at, retrieve: { tier: 'bulk' } })
    await expect(asked).rejects.toMatchObject({
      code: 'object-archived',
      hint: expect.stringMatching(/^come back after \d{4}-\d\d-\d\d \d\d:\d\d UTC/),
    })
    expect(tier.retrievals).toEqual([expect.stringContaining('<Tier>Bulk</Tier>')])
    expect((await store.head(key))?.archive).toEqual({ state: 'retrieving' })

    const report = await lifeboat.verify(name, { ...at, retrieve: { waitMs: 12 * hour } })
    expect(report).toMatchObject({ ok: true, level: 'content', findings: [] })
    expect(waits).toBe(5)
    expect((await store.head(key))?.archive).toMatchObject({ state: 'readable', until: new Date('2035-12-21') })

    tier.expire()
    const target = new URL(server.url())
    target.pathname = '/from_archive'
    const restored = await lifeboat.restore(name, { ...at, to: target.href, create: true, retrieve: { waitMs: day } })
    expect(restored.rows).toBe(500)
    tier.expire()
    expect(tier.refusedReads()).toBe(0)
  })

  it('lets go of old backups: what was read back elsewhere is proven for the same bytes here', async () => {
    const store = storeIn(bucket, { endpoint: tier.endpoint, archiveClasses: ['DEEP_ARCHIVE'], prefix: 'aging' })
    const retention = { last: 1, minimum: 1 }
    const destinations = {
      local: { store: storeIn(await makeBucket()), retention },
      archive: { store, storageClass: 'DEEP_ARCHIVE', retention },
    }
    const first = await (await open(destinations)).backup('shop')
    const lifeboat = await open(destinations, () => new Date(Date.now() + hour))
    const second = await lifeboat.backup('shop')
    const [, before] = await lifeboat.prune('shop')
    expect(before?.plan.remove).toEqual([])
    for (const { id } of [first, second]) await lifeboat.verify(`shop/${id}`, { destination: 'local' })
    const [, pruned] = await lifeboat.prune('shop', { apply: true })
    expect(pruned).toMatchObject({ destination: 'archive', removed: [first.id], retained: [] })
  })
})

describe('content of copied objects in an archive', () => {
  let bucket: string
  let tier: ArchiveTier
  beforeAll(async () => {
    bucket = await makeBucket()
    tier = await startArchiveTier(endpoint, path => path.includes('/content/'))
  })
  afterAll(() => tier.close())

  it('is retrieved as far as it is needed, waited for, and asked for again when its copies go away meanwhile', async () => {
    const uploads = storeIn(await makeBucket())
    const long = (key: string) => uploads.put(key, bytesOf(key.padEnd(2 ** 20 + 7, '.')))
    for (const key of ['calls/1.wav', 'calls/2.wav', 'meetings/3.wav']) await long(key)
    await uploads.put('meetings/notes.txt', bytesOf('small'))
    const clock = { now: Date.now(), waits: 0 }
    const store = storeIn(bucket, { endpoint: tier.endpoint, archiveClasses: ['DEEP_ARCHIVE'] })
    const lifeboat = await open(
      { archive: { store } },
      () => new Date(clock.now),
      server.url(),
      { recordings: { from: uploads, storageClass: 'DEEP_ARCHIVE' } },
      async ms => {
        clock.now += ms
        clock.waits += 1
        if (clock.waits % 5 === 0) tier.finishRetrievals()
      },
    )
    const { destinations } = await lifeboat.copyObjects('shop', 'recordings')
    expect(destinations[0]).toMatchObject({ outcome: 'complete', added: 4 })
    // Nothing but content lies there: runs, listings and prunes read all else.
    const classes = new Map<string, Set<string | undefined>>()
    for await (const { key } of store.list('shop/objects/')) {
      const folder = key.split('/')[3]!
      classes.set(folder, (classes.get(folder) ?? new Set()).add((await store.head(key))?.archive?.state))
    }
    expect(Object.fromEntries([...classes].map(([folder, states]) => [folder, [...states]]))).toEqual({
      ...{ content: ['archived'], inventories: [undefined], listings: [undefined], snapshots: [undefined] },
    })
    expect((await lifeboat.copyObjects('shop', 'recordings')).destinations[0]).toMatchObject({ unchanged: 4 })
    const { snapshots } = await lifeboat.listObjectSnapshots('shop', 'recordings', { archives: true })
    expect(snapshots.map(one => one.archived)).toEqual([true, true])

    // Unasked, nothing is.
    const target = storeIn(await makeBucket())
    const plan = await lifeboat.planObjectRestore('shop', 'recordings', target)
    expect(plan.archived).toMatchObject({ contents: 4, retrieving: 0, storageClass: 'DEEP_ARCHIVE' })
    expect(plan.archived?.storedBytes).toBeGreaterThan(3 * 2 ** 20)
    await expect(lifeboat.restoreObjects('shop', 'recordings', target)).rejects.toMatchObject({
      code: 'object-archived',
      message: expect.stringMatching(/^4 contents \(3\.\d MiB\) lie in DEEP_ARCHIVE, and must be retrieved/),
      hint: expect.stringContaining('--retrieve'),
    })
    for (const level of ['stored', 'content'] as const) {
      const report = await lifeboat.verifyObjects('shop', 'recordings', { level })
      expect(report).toMatchObject({ ok: true, level: 'listed', read: 0 })
      expect(report.findings.map(one => [one.severity, one.code])).toEqual([['warning', 'content-archived']])
    }
    expect([tier.retrievals.length, tier.refusedReads()]).toEqual([0, 0])

    // Only what the prefix needs; come back later.
    const calls = { prefix: 'calls/', retrieve: { tier: 'bulk' as const } }
    await expect(lifeboat.restoreObjects('shop', 'recordings', target, calls)).rejects.toMatchObject({
      code: 'object-archived',
      hint: expect.stringMatching(/^come back after \d{4}-\d\d-\d\d \d\d:\d\d UTC/),
    })
    expect(tier.retrievals).toEqual([expect.stringContaining('<Tier>Bulk</Tier>'), expect.anything()])
    // Already running: said, and not asked for again.
    await expect(lifeboat.restoreObjects('shop', 'recordings', target, calls)).rejects.toMatchObject({
      message: expect.stringMatching(/^2 contents .* are being retrieved/),
    })
    expect(tier.retrievals).toHaveLength(2)
    tier.finishRetrievals()
    expect(await lifeboat.restoreObjects('shop', 'recordings', target, calls)).toMatchObject({ restored: 2 })

    // Two are there, the others are asked for; and all copies go away while they are read.
    let expired = false
    const onEvent = ({ type, stage }: { readonly type: string; readonly stage?: string }) => {
      if (expired || type !== 'stage.progressed' || stage !== 'restore') return
      expired = true
      tier.expire()
    }
    const whole = storeIn(await makeBucket())
    const asked = { retrieve: { waitMs: 12 * hour, days: 5 }, readBack: true, onEvent }
    const result = await lifeboat.restoreObjects('shop', 'recordings', whole, asked)
    expect(result).toMatchObject({ restored: 4, failedCount: 0, findings: [] })
    expect(tier.retrievals[2]).toContain('<Days>5</Days>')
    expect(tier.retrievals.length).toBeGreaterThanOrEqual(4)

    const verified = await lifeboat.verifyObjects('shop', 'recordings', { retrieve: { waitMs: day } })
    expect(verified).toMatchObject({ ok: true, level: 'content', read: 4, findings: [] })

    // Encrypted anew to another key: both snapshots from one retrieval of what they share.
    tier.expire()
    const pair = await generateKeyPair({ name: 'next' })
    await writeFile(join(keyFolder, 'next.asc'), pair.publicKey)
    await writeFile(join(keyFolder, 'next-private.asc'), pair.privateKey)
    const encryption = { ...byKeys, recipients: ['next.asc'] as [string], privateKey: 'next-private.asc' }
    const next = await open(
      { archive: { store, encryption } },
      () => new Date(clock.now),
      server.url(),
      { recordings: { from: uploads, storageClass: 'DEEP_ARCHIVE' } },
      async () => tier.finishRetrievals(),
    )
    const rotate = { key: { privateKey: join(keyFolder, 'private.asc') }, apply: true }
    const before = tier.retrievals.length
    const [unasked] = await next.rotateObjects('shop', 'recordings', rotate)
    expect(unasked?.snapshots.map(({ error }) => error?.code)).toEqual(Array(2).fill('object-archived'))
    expect(tier.retrievals.length - before).toBe(0)
    const [rotated] = await next.rotateObjects('shop', 'recordings', { ...rotate, retrieve: { waitMs: day } })
    expect(rotated?.snapshots.map(one => [one.outcome, one.verified])).toEqual(Array(2).fill(['rotated', 'listed']))
    expect(tier.retrievals.length - before).toBe(4)
    const anew = await next.verifyObjects('shop', 'recordings', { retrieve: { waitMs: day } })
    expect(anew).toMatchObject({ ok: true, level: 'content', read: 4, findings: [] })
  })
})

async function* bytesOf(text: string) {
  yield Buffer.from(text)
}
