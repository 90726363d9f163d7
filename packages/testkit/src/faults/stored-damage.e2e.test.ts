import {
  type Artifact,
  type Lifeboat,
  type Manifest,
  memoryStore,
  type ObjectStore,
  resolveConfig,
  secret,
  type VerificationLevel,
} from '@lifeboat/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../../cli/src/testing/fake-io.js'
import { reframed, type Scan } from '../../../core/src/archive/scan-stage.js'
import { compress } from '../../../core/src/codec/codec.js'
import { encrypt } from '../../../core/src/encryption/open-pgp.js'
import { readLock, readSealer } from '../../../core/src/encryption/product-keys.js'
import { sealManifest } from '../../../core/src/seal/manifest-seal.js'
import { bytesOf, readWhole } from '../../../core/src/streams/byte-source.js'
import { PassingDigest } from '../../../core/src/streams/digest.js'
import { dumpOf } from '../stand-in-pg-dump.js'
import { recordFault } from './fault-results.js'
import { expectCaught, type FaultShop, findingsOf, openFaultShop, refusalOf, type ShopChange } from './fault-shop.js'

/* Faults 6 to 15: what `verify` finds, and from which level on. One pair of backups is made; every fault gets a copy. */

const levels = ['listed', 'stored', 'content'] as const
const hour = 3_600_000
let shop: FaultShop
/** Two backups of the same rows, packed anew in one piece: so their artifacts have one length. */
let pair: { readonly store: ObjectStore; readonly old: Manifest; readonly new: Manifest }
let artifact: Buffer

beforeAll(async () => {
  shop = await openFaultShop('faults_stored')
  const store = memoryStore()
  const lifeboat = await shop.open({ stores: { memory: store } })
  const { plain, frameSha256 } = await reframedDump()
  const made = []
  for (let i = 0; i < 2; i++)
    made.push(await pack(store, (await lifeboat.backup('shop')).manifest, plain, { frameSha256 }))
  pair = { store, old: made[0]!, new: made[1]! }
  artifact = await contentOf(store, keyOf(pair.new))
  expect(pair.old.artifacts[0]!.storedBytes).toBe(artifact.length)
})
afterAll(() => shop.close())

/** Stores another artifact in a backup's place, with a manifest that fits and a seal that is ours. */
async function pack(
  store: ObjectStore,
  manifest: Manifest,
  plain: Buffer,
  lie: Partial<Artifact> = {},
): Promise<Manifest> {
  const { encryption } = resolveConfig(shop.config()).products.shop!
  const [first] = manifest.artifacts
  const stored = new PassingDigest()
  const packed = compress(bytesOf(plain), { codec: first!.codec, level: 1 })
  await store.put(first!.key, stored.through(encrypt(packed, await readLock(encryption, shop.folder))))
  const { bytes: storedBytes, sha256: storedSha256 } = stored
  const artifact = { ...first!, storedBytes, storedSha256, plainBytes: plain.length, ...lie }
  const sealer = await readSealer(encryption, shop.folder)
  const sealed = await sealManifest({ ...manifest, artifacts: [artifact] }, sealer)
  await store.put(`shop/${manifest.id}/manifest.json`, bytesOf(Buffer.from(JSON.stringify(sealed))))
  return sealed
}

/** A dump as a backup passes it on, in one piece, and the hash of what is not rows in it. */
async function reframedDump(): Promise<{ readonly plain: Buffer; readonly frameSha256: string }> {
  let scan: Scan | undefined
  const passed: Uint8Array[] = []
  for await (const chunk of reframed(bytesOf(await dumpOf(shop.tools, shop.url())), done => {
    scan = done
  }))
    passed.push(Buffer.from(chunk))
  return { plain: Buffer.concat(passed), frameSha256: scan!.summary.frameSha256! }
}

/** A drill on the same server: what a restore adds to what `content` finds. */
async function drilled(lifeboat: Lifeboat, id = pair.new.id): Promise<readonly string[]> {
  return lifeboat.drill(`shop/${id}`).then(
    ({ findings }) => [...new Set(findings.filter(one => one.severity === 'critical').map(one => one.code))],
    // A drill that could not be held has an error in place of findings.
    async (error: unknown) => [(await refusalOf(Promise.reject(error))).code],
  )
}

const drillHere = () => ({ url: secret.value(shop.url('postgres')), allowSourceServer: new URL(shop.url()).host })
const keyOf = (manifest: Manifest) => manifest.artifacts[0]!.key
const contentOf = (store: ObjectStore, key: string) => readWhole(store.get(key), 2 ** 28)

/** A copy of the pair in a store of its own, and how to damage it. */
async function copyOfPair(change: ShopChange = {}) {
  const store = memoryStore()
  for await (const { key } of pair.store.list('')) await store.put(key, bytesOf(await contentOf(pair.store, key)))
  const lifeboat = await shop.open({ ...change, stores: { memory: store } })
  return {
    store,
    lifeboat,
    edit: (manifest: Manifest, changes: object) =>
      store.put(`shop/${manifest.id}/manifest.json`, bytesOf(Buffer.from(JSON.stringify({ ...manifest, ...changes })))),
  }
}

async function expectFound(
  fault: number,
  made: string,
  lifeboat: Lifeboat,
  expected: Partial<Record<VerificationLevel, readonly string[]>>,
): Promise<void> {
  for (const level of levels) {
    const codes = expected[level]
    if (codes)
      await expectCaught({ fault, made, level }, codes, () => findingsOf(lifeboat, `shop/${pair.new.id}`, level))
  }
}

/** The same codes at every level. */
const everywhere = (...codes: string[]) => ({ listed: codes, stored: codes, content: codes })

it('a backup that nobody touched passes every level', async () => {
  const { lifeboat } = await copyOfPair()
  for (const level of levels) expect(await findingsOf(lifeboat, 'shop/latest', level)).toEqual([])
})

describe('a stored object', () => {
  it.each<[string, (whole: Buffer) => Buffer]>([
    ['to nothing', () => Buffer.alloc(0)],
    ['to 1 %', whole => whole.subarray(0, Math.floor(whole.length / 100))],
    ['to 50 %', whole => whole.subarray(0, whole.length >> 1)],
    ['to 99 %', whole => whole.subarray(0, Math.floor(whole.length * 0.99))],
    ['by its last byte', whole => whole.subarray(0, -1)],
  ])('cut %s is found in the listing', async (made, cut) => {
    const { store, lifeboat } = await copyOfPair()
    await store.put(keyOf(pair.new), bytesOf(cut(artifact)))
    await expectFound(6, `cut ${made}`, lifeboat, everywhere('artifact-length'))
  })

  it('that is missing, or another one, is found in the listing', async () => {
    const { store, lifeboat } = await copyOfPair()
    await store.remove(keyOf(pair.new))
    await expectFound(7, 'missing', lifeboat, everywhere('artifact-missing'))
    await store.put(keyOf(pair.new), bytesOf(Buffer.alloc(artifact.length + 1)))
    await expectFound(7, 'replaced by one of another length', lifeboat, everywhere('artifact-length'))
  })

  it('of which any bit flipped is found by its bytes', async () => {
    const { store, lifeboat } = await copyOfPair()
    const codes: Record<'stored' | 'content', Set<string>> = { stored: new Set(), content: new Set() }
    const ms = { stored: 0, content: 0 }
    // The first 40 bytes hold the packets of keys and the header of the message, the last 22 its hash.
    const places = [0, 1, 2, 3, 7, 13, 21, 40, ...[1, 2, 3, 22, 23].map(back => artifact.length - back)]
    for (let part = 1; part < 16; part++) places.push(Math.floor((artifact.length * part) / 16) + part)
    for (const [index, place] of places.entries()) {
      const flipped = Buffer.from(artifact)
      flipped[place]! ^= 1 << (index % 8)
      await store.put(keyOf(pair.new), bytesOf(flipped))
      expect(await findingsOf(lifeboat, `shop/${pair.new.id}`, 'listed')).toEqual([])
      for (const level of ['stored', 'content'] as const) {
        const startedMs = performance.now()
        const found = await findingsOf(lifeboat, `shop/${pair.new.id}`, level)
        ms[level] += performance.now() - startedMs
        expect({ place, level, found: found.length }).toEqual({ place, level, found: 1 })
        codes[level].add(found[0]!)
      }
    }
    expect([...codes.stored]).toEqual(['artifact-checksum'])
    // A flip in the packets of keys looks like a key that does not open it; the hash tells them apart.
    expect([...codes.content].sort()).toEqual(['artifact-checksum', 'artifact-damaged'])
    for (const level of ['stored', 'content'] as const)
      recordFault({
        ...{ fault: 8, made: `one bit, at ${places.length} places`, level },
        ...{ caughtBy: [...codes[level]].sort(), ms: ms[level] / places.length },
      })
  })

  it('played again or swapped is found, with and without an edited manifest', async () => {
    const replayed = await copyOfPair()
    const oldBytes = await contentOf(pair.store, keyOf(pair.old))
    await replayed.store.put(keyOf(pair.new), bytesOf(oldBytes))
    await expectFound(9, 'an old one over a new one', replayed.lifeboat, {
      stored: ['artifact-replayed'],
      content: ['artifact-damaged', 'artifact-replayed'],
    })
    const told = (of: Manifest, as: Manifest) => ({
      artifacts: [{ ...as.artifacts[0]!, key: keyOf(of) }],
      tables: as.tables,
    })
    await replayed.edit(pair.new, told(pair.new, pair.old))
    await expectFound(9, 'an old one over a new one, manifest edited to match', replayed.lifeboat, {
      content: ['seal-wrong', 'artifact-replayed'],
    })
    const swapped = await copyOfPair()
    await swapped.store.put(keyOf(pair.new), bytesOf(oldBytes))
    await swapped.store.put(keyOf(pair.old), bytesOf(artifact))
    await expectFound(9, 'two swapped', swapped.lifeboat, {
      stored: ['artifact-replayed'],
      content: ['artifact-damaged', 'artifact-replayed'],
    })
    await swapped.edit(pair.new, told(pair.new, pair.old))
    await swapped.edit(pair.old, told(pair.old, pair.new))
    await expectFound(9, 'two swapped, both manifests edited to match', swapped.lifeboat, { content: ['seal-wrong'] })
  })
})

describe('a manifest', () => {
  const first = <T extends object>(list: readonly T[], changes: Partial<T>) => [
    { ...list[0]!, ...changes },
    ...list.slice(1),
  ]
  const none = '0'.repeat(64)
  const oneMore = (rows: number) => ({ rows: rows + 1, snapshotRows: rows + 1 })
  it.each<[string, (manifest: Manifest) => object, string[]]>([
    ['rows', of => ({ tables: first(of.tables!, oneMore(of.tables![0]!.rows)) }), ['rows-differ', 'seal-wrong']],
    ['time', () => ({ createdAt: '2026-11-21T02:00:00.000Z' }), ['seal-wrong']],
    ['hash of a table', of => ({ tables: first(of.tables!, { sha256: none }) }), ['content-differs', 'seal-wrong']],
    [
      'hash of the frame',
      of => ({ artifacts: first(of.artifacts, { frameSha256: none }) }),
      ['content-checksum', 'seal-wrong'],
    ],
    [
      'hash of the object',
      of => ({ artifacts: first(of.artifacts, { storedSha256: none }) }),
      ['artifact-damaged', 'seal-wrong'],
    ],
    ['label', () => ({ labels: { deploy: '7' } }), ['seal-wrong']],
    ['seal, taken off', () => ({ seal: null }), ['manifest-unsealed']],
  ])('whose %s was edited is not ours any more', async (made, changes, expected) => {
    const { lifeboat, edit } = await copyOfPair()
    await edit(pair.new, changes(pair.new))
    await expectFound(10, made, lifeboat, { content: expected })
  })

  it.each([
    ['says so', true],
    ['promises the whole', false],
  ])('that %s does not hide a dump that was cut before it was compressed', async (made, honest) => {
    const { store, lifeboat } = await copyOfPair()
    const whole = await dumpOf(shop.tools, shop.url())
    await pack(store, pair.new, whole.subarray(0, whole.length >> 1), honest ? {} : { plainBytes: whole.length })
    await expectFound(11, `cut to 50 % before compression, the manifest ${made}`, lifeboat, {
      content: ['archive-truncated'],
    })
  })
})

describe('a key', () => {
  async function expectKeyProblem(made: string, lifeboat: Lifeboat, code: string): Promise<void> {
    await expectCaught({ fault: 12, made, level: 'content' }, [code], () =>
      findingsOf(lifeboat, 'shop/latest', 'content'),
    )
    const { status } = await runCli(['verify', 'shop/latest'], { open: async () => lifeboat })
    expect(status).toBe(12)
  }

  it('that is missing or wrong has an exit status of its own', async () => {
    const recipients = [shop.keys.publicKey]
    const none = await copyOfPair({ product: { encryption: { recipients } } })
    await expectKeyProblem('private key missing', none.lifeboat, 'key-missing')
    const stranger = await copyOfPair({ product: { encryption: { recipients, privateKey: shop.keys.stranger } } })
    await expectKeyProblem('private key of somebody else', stranger.lifeboat, 'wrong-key')
  })

  it('that nobody here holds is found although the backup went well', async () => {
    const stores = { memory: memoryStore() }
    const { privateKey, strangerPublic: recipient } = shop.keys
    const lifeboat = await shop.open({ stores, product: { encryption: { recipients: [recipient], privateKey } } })
    await lifeboat.backup('shop')
    await expectKeyProblem('encrypted to the wrong recipient', lifeboat, 'wrong-key')
  })

  it('that is a passphrase, and wrong, is named', async () => {
    const stores = { memory: memoryStore() }
    const opened = (passphrase: string) =>
      shop.open({ stores, product: { encryption: { passphrase: secret.value(passphrase) } } })
    await (await opened('correct horse battery')).backup('shop')
    await expectKeyProblem('wrong passphrase', await opened('staple'), 'wrong-key')
  })
})

describe('what a backup should hold', () => {
  it('a critical table that is not in it, or empty, is found', async () => {
    const { lifeboat } = await copyOfPair({ product: { verify: { criticalTables: ['orders', 'invoices'] } } })
    await expectFound(13, 'a critical table missing', lifeboat, everywhere('critical-table-missing'))
    await shop.query('faults_stored', 'create table carts (id int)')
    const stores = { memory: memoryStore() }
    const empty = await shop.open({ stores, product: { verify: { criticalTables: ['orders', 'carts'] } } })
    await empty.backup('shop')
    for (const level of levels)
      await expectCaught({ fault: 13, made: 'a critical table empty', level }, ['critical-table-empty'], () =>
        findingsOf(empty, 'shop/latest', level),
      )
  })

  it('a critical table that lost most of its rows since the last backup is found', async () => {
    await shop.query('postgres', 'create database faults_stored_loss template faults_stored')
    const stores = { memory: memoryStore() }
    const url = shop.url('faults_stored_loss')
    const lifeboat = await shop.open({ stores, url, product: { drill: drillHere() } })
    await lifeboat.backup('shop')
    await shop.query('faults_stored_loss', 'delete from customers where id > 100')
    await lifeboat.backup('shop')
    const made = 'a critical table lost two thirds of its rows'
    for (const level of levels)
      await expectCaught({ fault: 13, made, level }, ['rows-dropped'], () => findingsOf(lifeboat, 'shop/latest', level))
    // What is restored is all that was in it, so only the backup before tells.
    await expectCaught({ fault: 13, made, level: 'restored' }, ['rows-dropped'], () => drilled(lifeboat, 'latest'))
  })

  it('a critical table that is far from the live one is found by a look at it', async () => {
    await shop.query('postgres', 'create database faults_stored_live template faults_stored')
    const product = { verify: { criticalTables: ['orders', 'customers'], rowTolerance: 0.1 } }
    const lifeboat = await shop.open({ product, url: shop.url('faults_stored_live') })
    await lifeboat.backup('shop')
    await shop.query('faults_stored_live', 'delete from orders where id > 2400')
    for (const level of levels)
      await expectCaught(
        { fault: 13, made: 'live rows off by more than the tolerance', level },
        ['rows-out-of-tolerance'],
        async () => (await lifeboat.verify('shop/latest', { level, live: true })).findings.map(one => one.code),
      )
  })

  it('the newest backup must be younger than the RPO, although nothing ran that could say so', async () => {
    const now = () => new Date(Date.now() + 25 * hour)
    const { lifeboat } = await copyOfPair({ product: { objectives: { rpo: '24h' } }, deps: { now } })
    await expectFound(14, 'a day and an hour after the last one', lifeboat, everywhere('backup-too-old'))
    const never = await shop.open({ product: { objectives: { rpo: '24h' } } })
    await expectCaught({ fault: 14, made: 'none was ever made', level: 'listed' }, ['backup-missing'], async () => [
      (await refusalOf(never.verify('shop/latest', { level: 'listed' }))).code,
    ])
    for (const [made, opened, code] of [
      ['a day and an hour after the last one', lifeboat, 'backup-too-old'],
      ['none was ever made', never, 'backup-missing'],
    ] as const)
      await expectCaught({ fault: 14, made, level: 'status' }, [code], async () =>
        (await opened.status()).products[0]!.findings.filter(one => one.severity === 'critical').map(one => one.code),
      )
  })

  it('its size must be in the configured range', async () => {
    for (const [made, size, code] of [
      ['smaller than the range', { min: '1GB' }, 'size-below-range'],
      ['larger than the range', { max: '1KB' }, 'size-above-range'],
    ] as const) {
      const { lifeboat } = await copyOfPair({ product: { verify: { criticalTables: [], size } } })
      await expectFound(15, made, lifeboat, everywhere(code))
    }
  })

  it('its size should be near the median of those before it', async () => {
    const stores = { memory: memoryStore() }
    const product = { verify: { criticalTables: [] } }
    await shop.query('postgres', 'create database faults_stored_small')
    await shop.query('faults_stored_small', 'create table orders (id int)')
    const small = await shop.open({ stores, product, url: shop.url('faults_stored_small') })
    for (let i = 0; i < 3; i++) await small.backup('shop')
    const lifeboat = await shop.open({ stores, product })
    await lifeboat.backup('shop')
    for (const level of levels)
      await expectCaught({ fault: 15, made: 'far above the median', level }, ['size-unusual (warning)'], () =>
        findingsOf(lifeboat, 'shop/latest', level),
      )
    await expectDrillFinds(stores)
  })

  /** What a backup's age and its neighbours say, at the level of a drill: one drill for all of it. */
  async function expectDrillFinds(stores: ShopChange['stores']): Promise<void> {
    const product = {
      ...{ objectives: { rpo: '24h' }, drill: drillHere() },
      verify: { criticalTables: [], size: { max: '1KB' } },
    }
    const now = () => new Date(Date.now() + 25 * hour)
    const lifeboat = await shop.open({ stores, product, deps: { now } })
    const startedMs = performance.now()
    const { findings } = await lifeboat.drill('shop/latest')
    const ms = performance.now() - startedMs
    for (const [fault, made, caughtBy] of [
      [14, 'a day and an hour after the last one', 'backup-too-old'],
      [15, 'larger than the range', 'size-above-range'],
      [15, 'far above the median', 'size-unusual (warning)'],
    ] as const) {
      const code = findings.map(one => (one.severity === 'critical' ? one.code : `${one.code} (${one.severity})`))
      expect(code).toContain(caughtBy)
      recordFault({ fault, made, level: 'restored', caughtBy: [caughtBy], ms })
    }
  }
})

describe('a drill', () => {
  const half = (whole: Buffer) => whole.subarray(0, whole.length >> 1)
  type Damaged = Awaited<ReturnType<typeof copyOfPair>>
  const put = ({ store }: Damaged, bytes: Buffer) => store.put(keyOf(pair.new), bytesOf(bytes))
  const oldOverNew = async (damaged: Damaged) => {
    await put(damaged, await contentOf(pair.store, keyOf(pair.old)))
    const artifacts = [{ ...pair.old.artifacts[0]!, key: keyOf(pair.new) }]
    await damaged.edit(pair.new, { artifacts, tables: pair.old.tables })
  }
  const flipped = (whole: Buffer) => {
    const bytes = Buffer.from(whole)
    bytes[whole.length >> 1]! ^= 1
    return bytes
  }

  it.each<[number, string, (damaged: Damaged) => Promise<unknown>, string[], ShopChange['product']?]>([
    [6, 'cut to 50 %', damaged => put(damaged, half(artifact)), ['object-damaged']],
    [7, 'missing', ({ store }) => store.remove(keyOf(pair.new)), ['object-missing']],
    [8, 'one bit in the middle', damaged => put(damaged, flipped(artifact)), ['object-damaged']],
    [9, 'an old one over a new one, manifest edited to match', oldOverNew, ['seal-wrong']],
    [10, 'label', ({ edit }) => edit(pair.new, { labels: { deploy: '7' } }), ['seal-wrong']],
    [
      11,
      'cut to 50 % before compression, the manifest says so',
      async ({ store }) => pack(store, pair.new, half(await dumpOf(shop.tools, shop.url()))),
      ['archive-truncated'],
    ],
    [12, 'private key missing', async () => {}, ['key-missing'], { encryption: { recipients: ['keys/none.asc'] } }],
    [
      13,
      'a critical table missing',
      async () => {},
      ['critical-table-missing'],
      { verify: { criticalTables: ['orders', 'invoices'] } },
    ],
  ])('finds fault %i, %s', async (fault, made, damage, expected, product) => {
    const damaged = await copyOfPair({ product: { ...product, drill: drillHere() } })
    await damage(damaged)
    await expectCaught({ fault, made, level: 'restored' }, expected, () => drilled(damaged.lifeboat))
  })
})
