import {
  type LifeboatConfig,
  memoryStore,
  type ObjectStore,
  openLifeboat,
  type StatusReport,
  secret,
} from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { recordSalt, sealedMessage } from '../../../core/src/repository/verification-record.js'
import { prepareToSeal } from '../../../core/src/seal/seal.js'
import { bytesOf, readWhole } from '../../../core/src/streams/byte-source.js'
import {
  countingStore,
  idAt,
  plantBackup,
  plantDrill,
  plantVerification,
  type StoreCalls,
  simulateFleet,
} from '../simulated-fleet.js'

const hour = 3_600_000
const day = 24 * hour
const noon = new Date('2026-11-21T12:00:00.000Z')
const at = (agoMs: number) => noon.getTime() - agoMs

type Product = LifeboatConfig['products'][string]

async function place(stores: Record<string, ObjectStore>, changes: Partial<Product> = {}, now = () => noon) {
  const destinations = Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, { store }]))
  return openLifeboat(
    {
      products: {
        shop: {
          source: { url: secret.env('NOT_HERE') },
          encryption: { passphrase: secret.env('NOT_HERE_EITHER') },
          ...{ destinations, ...changes },
        },
      },
    },
    { deps: { now } },
  )
}

const read = (store: ObjectStore, key: string) => readWhole(store.get(key), 2 ** 20)

const found = ({ products }: StatusReport) =>
  products.flatMap(({ findings }) => findings.map(one => `${one.severity} ${one.code} ${one.subject ?? '-'}`))

/** A product whose night went well: a backup, its verification, and a drill last week. */
async function healthy(store = memoryStore(), destination = 'local', agoMs = 10 * hour) {
  const manifest = await plantBackup(store, 'shop', at(agoMs))
  await plantVerification(store, manifest, destination, at(agoMs - hour))
  await plantDrill(store, manifest, destination, at(agoMs - 2 * hour))
  return store
}

describe('what status finds, with nobody having run', () => {
  it('nothing where all is well, and says what is there', async () => {
    const schedule = { backup: '0 2 * * *', verify: '0 3 * * *' }
    const lifeboat = await place({ local: await healthy() }, { objectives: { rpo: '24h' }, schedule })
    const report = await lifeboat.status()
    expect(found(report)).toEqual([])
    expect(report).toMatchObject({ version: 1, state: 'ok', checkedAt: noon.toISOString() })
    expect(report.products[0]).toMatchObject({
      product: 'shop',
      destinations: [
        {
          ...{ destination: 'local', reachable: true, backups: 1 },
          newest: { ageMs: 10 * hour, storedBytes: 3, rows: 1234, durationMs: 90_000, verified: true },
        },
      ],
      lastVerification: { ok: true, level: 'content' },
      lastDrill: { ok: true, level: 'restored' },
      nextRun: { job: 'backup', at: '2026-11-22T02:00:00.000Z' },
    })
  })

  it('a product that was never backed up', async () => {
    const report = await (await place({ local: memoryStore() })).status()
    expect(found(report)).toEqual(['critical backup-missing -'])
  })

  it('a newest backup that is older than the RPO, and since when', async () => {
    const lifeboat = await place(
      { local: await healthy(memoryStore(), 'local', 30 * hour) },
      { objectives: { rpo: '24h' } },
    )
    const report = await lifeboat.status()
    expect(found(report)).toEqual(['critical backup-too-old -'])
    expect(report.products[0]?.findings[0]).toMatchObject({
      message: 'the newest backup is 30 h old; the RPO is 24 h',
      since: new Date(at(6 * hour)).toISOString(),
    })
  })

  it('a schedule that stopped: not while the grace lasts, and the moment it is over', async () => {
    const store = await healthy()
    let now = new Date('2026-11-22T03:59:59.000Z')
    const schedule = { backup: '0 2 * * *', grace: '2h' }
    const lifeboat = await place({ local: store }, { schedule }, () => now)
    expect(found(await lifeboat.status())).toEqual([])
    now = new Date('2026-11-22T04:00:00.000Z')
    const report = await lifeboat.status()
    expect(found(report)).toEqual(['critical schedule-missed backup'])
    expect(report.products[0]?.findings[0]?.since).toBe('2026-11-22T04:00:00.000Z')
    await plantBackup(store, 'shop', Date.parse('2026-11-22T04:00:30.000Z'))
    now = new Date('2026-11-22T04:05:00.000Z')
    expect(found(await lifeboat.status())).toEqual([])
  })

  it('the time zone of a schedule, and its jitter', async () => {
    const store = memoryStore()
    await healthy(store)
    const schedule = { backup: '0 2 * * *', grace: '1h', timeZone: 'America/New_York', jitter: '30m' }
    let now = new Date('2026-11-22T08:29:00.000Z')
    const lifeboat = await place({ local: store }, { schedule }, () => now)
    await plantBackup(store, 'shop', Date.parse('2026-11-21T07:00:10.000Z'))
    expect(found(await lifeboat.status())).toEqual(['warning never-verified local'])
    now = new Date('2026-11-22T08:30:00.000Z')
    expect(found(await lifeboat.status())).toContain('critical schedule-missed backup')
  })

  it('verifications and drills that stopped', async () => {
    const store = await healthy(memoryStore(), 'local', 3 * day)
    await plantBackup(store, 'shop', at(10 * hour))
    const schedule = { backup: '0 2 * * *', verify: '0 4 * * *', drill: '0 5 * * *' }
    const report = await (await place({ local: store }, { schedule })).status()
    expect(found(report)).toEqual([
      'warning never-verified local',
      'warning schedule-missed verify',
      'warning schedule-missed drill',
    ])
  })

  it('a newest backup that nobody read back, once it had its time', async () => {
    const store = await healthy(memoryStore(), 'local', 3 * day)
    await plantBackup(store, 'shop', at(hour))
    const lifeboat = await place({ local: store })
    expect(found(await lifeboat.status())).toEqual([])
    const later = await place({ local: store }, {}, () => new Date(noon.getTime() + 2 * hour))
    expect(found(await later.status())).toEqual(['warning never-verified local'])
  })

  it('a record of other bytes does not prove the backup', async () => {
    const store = await healthy(memoryStore(), 'local', 3 * day)
    const manifest = await plantBackup(store, 'shop', at(10 * hour))
    const other = { storedSha256: ['c'.repeat(64)] }
    await plantVerification(store, manifest, 'local', at(9 * hour), other)
    expect(found(await (await place({ local: store })).status())).toEqual(['warning never-verified local'])
  })

  it('a verification that failed, with its reason, until one passes', async () => {
    const store = await healthy(memoryStore(), 'local', 3 * day)
    const manifest = await plantBackup(store, 'shop', at(10 * hour))
    const finding = { severity: 'critical', code: 'artifact-damaged', message: 'a bit flipped', hint: null } as const
    await plantVerification(store, manifest, 'local', at(9 * hour), { ok: false, findings: [finding] })
    const lifeboat = await place({ local: store })
    const report = await lifeboat.status()
    expect(found(report)).toEqual(['critical verification-failed local'])
    expect(report.products[0]?.findings[0]?.message).toContain('a bit flipped')
    expect(report.products[0]?.destinations[0]?.newest?.verified).toBe(false)
    await plantVerification(store, manifest, 'local', at(8 * hour))
    expect(found(await lifeboat.status())).toEqual([])
  })

  it('drills that failed, are overdue, never were', async () => {
    const store = await healthy()
    const interval = { drill: { interval: '30d' } }
    const late = await place({ local: store }, interval, () => new Date(noon.getTime() + 40 * day))
    expect(found(await late.status())).toContain('critical drill-overdue -')
    const manifest = await plantBackup(store, 'shop', at(9 * hour))
    await plantVerification(store, manifest, 'local', at(8 * hour))
    await plantDrill(store, manifest, 'local', at(7 * hour), { ok: false })
    expect(found(await (await place({ local: store }, interval)).status())).toEqual(['critical drill-failed -'])
    const never = memoryStore()
    await plantVerification(never, await plantBackup(never, 'shop', at(10 * hour)), 'local', at(9 * hour))
    expect(found(await (await place({ local: never })).status())).toEqual(['warning drill-never-ran -'])
    // The first is not due yet.
    expect(found(await (await place({ local: never }, interval)).status())).toEqual(['info drill-never-ran -'])
  })

  it('a backup that did not reach every destination, and one that a destination lacks', async () => {
    const [local, offsite] = [await healthy(), await healthy(memoryStore(), 'offsite')]
    const failed = [
      { name: 'local', outcome: 'stored' as const },
      { name: 'offsite', outcome: 'failed' as const, code: 'store-full' },
    ]
    const manifest = await plantBackup(local, 'shop', at(3 * hour), { destinations: failed })
    await plantVerification(local, manifest, 'local', at(2 * hour))
    const report = await (await place({ local, offsite })).status()
    expect(found(report)).toEqual(['warning backup-partial offsite'])
    expect(report.products[0]?.findings[0]?.message).toContain('store-full')
    const strict = await place({ local, offsite }, { objectives: { rpo: '6h' } })
    expect(found(await strict.status())).toEqual(['critical backup-partial offsite'])
    const empty = await place({ local, offsite: memoryStore() })
    expect(found(await empty.status())).toEqual(['critical backup-missing offsite'])
  })

  it('a destination with a schedule of its own is not behind before its time', async () => {
    const [local, monthly] = [await healthy(), await healthy(memoryStore(), 'monthly', 20 * day)]
    const destinations = {
      local: { store: local },
      monthly: { store: monthly, schedule: { every: 'monthly' as const } },
    }
    expect(found(await (await place({}, { destinations })).status())).toEqual([])
    const weekly = { ...destinations, monthly: { store: monthly, schedule: { every: 'weekly' as const } } }
    expect(found(await (await place({}, { destinations: weekly })).status())).toEqual([
      'warning destination-behind monthly',
    ])
  })

  it('a manifest that is newer than all others and cannot be read', async () => {
    const store = await healthy()
    await store.put(
      `shop/${idAt(at(hour))}/manifest.json`,
      (async function* () {
        yield Buffer.from('{')
      })(),
    )
    expect(found(await (await place({ local: store })).status())).toEqual(['critical manifest-invalid local'])
  })

  it('a backup from after now: it hides no alarm', async () => {
    const store = await healthy(memoryStore(), 'local', 30 * hour)
    await plantBackup(store, 'shop', at(-400 * day))
    await plantBackup(store, 'shop', at(20 * hour), { createdAt: new Date(at(-400 * day)).toISOString() })
    expect(found(await (await place({ local: store }, { objectives: { rpo: '24h' } })).status())).toEqual([
      'critical backup-too-old -',
      'warning backup-in-future local',
    ])
  })

  it('the newest by createdAt, also where ids lie in another order', async () => {
    const store = memoryStore()
    // Two of one second, and one whose id says a later time than its manifest.
    await plantBackup(store, 'shop', at(10 * hour) + 5, { id: idAt(at(10 * hour), 'zzzzzz') })
    await plantBackup(store, 'shop', at(10 * hour) + 900, { id: idAt(at(10 * hour), 'bbbbbb') })
    await plantBackup(store, 'shop', at(50 * hour), { id: idAt(at(9 * hour), 'cccccc') })
    const report = await (await place({ local: store })).status()
    expect(report.products[0]?.destinations[0]?.newest?.id).toBe(idAt(at(10 * hour), 'bbbbbb'))
  })

  it('mirrored exports count only where there is no dump', async () => {
    const store = await healthy()
    const id = idAt(at(hour))
    await plantBackup(store, 'shop', at(hour))
    await store.put(
      `shop/${id}/export.dir.tar.gz.gpg`,
      (async function* () {
        yield Buffer.from('x')
      })(),
    )
    const report = await (await place({ local: store })).status()
    expect(report.products[0]?.destinations[0]).toMatchObject({ backups: 1, newest: { ageMs: 10 * hour } })
  })

  it('a destination that fails, and one that never answers, in bounded time', async () => {
    const hanging: ObjectStore = {
      ...memoryStore(),
      async *list() {
        // It pays no attention to its signal either.
        await new Promise(() => {})
      },
    }
    const failing: ObjectStore = {
      ...memoryStore(),
      classify: () => 'store-auth-failed',
      list: () => {
        throw new Error('InvalidAccessKeyId')
      },
    }
    const lifeboat = await place({ local: await healthy(), hanging, failing }, { objectives: { rpo: '24h' } })
    const report = await lifeboat.status({ destinationTimeoutMs: 30 })
    expect(found(report)).toEqual(['critical store-unreachable hanging', 'critical store-unreachable failing'])
    expect(report.products[0]?.destinations.map(({ reachable }) => reachable)).toEqual([true, false, false])
    // Nothing is said of what nobody can know.
    const alone = await place({ hanging }, { objectives: { rpo: '1h' }, schedule: { backup: '0 * * * *' } })
    expect(found(await alone.status({ timeoutMs: 30 }))).toEqual(['critical store-unreachable hanging'])
  })

  it('keys, where it is asked to: not shown to open a backup of late', async () => {
    const store = await healthy()
    const calls: StoreCalls = { list: 0, get: 0, write: 0 }
    const proveEvery = { encryption: { passphrase: secret.value('of a test'), proveEvery: '90d' } }
    const lifeboat = await place({ local: countingStore(store, calls) }, proveEvery)
    const codes = async () => found(await lifeboat.status({ keys: true })).filter(one => one.includes(' key'))
    expect(await codes()).toEqual(['warning key-unproved passphrase'])
    const { get } = calls
    expect(await codes()).toEqual(['warning key-unproved passphrase'])
    expect(calls.get).toBe(get)
    expect(found(await lifeboat.status()).filter(one => one.includes(' key'))).toEqual([])
  })

  it('no proof in a record that is forged, unsealed or copied from elsewhere, where the passphrase is at hand', async () => {
    const words = 'correct horse battery staple'
    const encryption = { passphrase: secret.value(words) }
    const verified = async (change: (text: string, key: string) => string | Promise<string>) => {
      const store = memoryStore()
      const manifest = await plantBackup(store, 'shop', at(10 * hour))
      const plain = memoryStore()
      await plantVerification(plain, manifest, 'local', at(9 * hour))
      for await (const { key } of plain.list('')) {
        const { seal: _, ...written } = JSON.parse((await read(plain, key)).toString())
        const seal = await prepareToSeal(
          { kind: 'hmac', passphrase: words },
          recordSalt('shop'),
        )(sealedMessage(written))
        await store.put(key, bytesOf(await change(JSON.stringify({ ...written, seal }), key)))
      }
      const report = await (await place({ local: store }, { encryption })).status()
      const [{ lastVerification, destinations }] = report.products as [StatusReport['products'][number]]
      return [
        destinations[0]?.newest?.verified,
        lastVerification?.ok ?? null,
        ...found(report).filter(one => !one.includes('drill')),
      ]
    }
    const refused = [null, null, 'warning records-refused local', 'warning never-verified local']
    expect(await verified(text => text)).toEqual([true, true])
    expect(await verified(text => JSON.stringify({ ...JSON.parse(text), seal: null }))).toEqual(refused)
    expect(await verified(text => text.replace('"rows":1234', '"rows":1235'))).toEqual(refused)
    expect(await verified(text => text.replace('"destination":"local"', '"destination":"other"'))).toEqual(refused)
    expect(
      await verified(async text => {
        const { seal: _, ...written } = JSON.parse(text)
        const guess = prepareToSeal({ kind: 'hmac', passphrase: 'a guess' }, recordSalt('shop'))
        return JSON.stringify({ ...written, seal: await guess(sealedMessage(written)) })
      }),
    ).toEqual(refused)
  })

  it('no proof of a snapshot whose head is another one than was verified', async () => {
    const store = memoryStore()
    const from = memoryStore()
    await from.put('a', bytesOf('a'))
    const objects = { uploads: { from } }
    const lifeboat = await place({ local: store }, { objects, encryption: { passphrase: secret.value('of a test') } })
    await lifeboat.copyObjects('shop', 'uploads')
    await lifeboat.verifyObjects('shop', 'uploads')
    const proven = async () => (await lifeboat.status()).products[0]?.objects[0]?.destinations[0]?.newest
    expect(await proven()).toMatchObject({ objects: 1, verified: true })
    expect(await proven()).not.toHaveProperty('headSha256')
    for await (const { key } of store.list('shop/objects/uploads/snapshots/')) {
      const head = JSON.parse((await read(store, key)).toString())
      await store.put(key, bytesOf(JSON.stringify({ ...head, objects: 11 })))
    }
    expect(await proven()).toMatchObject({ objects: 11, verified: null })
  })

  it('what is wrong with the newest snapshot, though an older one was read to its end since', async () => {
    const store = memoryStore()
    const from = memoryStore()
    const encryption = { passphrase: secret.value('of a test') }
    let clock = new Date(at(2 * hour))
    const lifeboat = await place({ local: store }, { objects: { uploads: { from } }, encryption }, () => clock)
    const copied: string[] = []
    for (const name of ['a', 'b']) {
      await from.put(name, bytesOf(name))
      await lifeboat.copyObjects('shop', 'uploads')
      for await (const { key } of store.list('shop/objects/uploads/snapshots/'))
        if (!copied.includes(key)) copied.push(key)
      clock = new Date(at(hour))
    }
    const [older, newer] = copied.map(key => key.split('/').at(-1)!.slice(0, -'.json'.length))
    for await (const { key } of store.list('shop/objects/uploads/'))
      if (key.includes('/content/') && key.includes(newer!)) await store.remove(key)
    expect(await lifeboat.verifyObjects('shop', 'uploads')).toMatchObject({ ok: false })
    const wrong = async () =>
      found(await lifeboat.status()).filter(one => one.includes('uploads') && one.includes('critical'))
    const before = await wrong()
    expect(before).toHaveLength(1)
    clock = new Date(at(hour / 2))
    expect(await lifeboat.verifyObjects('shop', 'uploads', { snapshot: older })).toMatchObject({ ok: true })
    expect(await wrong()).toEqual(before)
  })

  it('is cancelled as a whole', async () => {
    const lifeboat = await place({ local: await healthy() })
    await expect(lifeboat.status({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('what status reads', () => {
  it('writes nothing, and a second look reads nothing but listings', async () => {
    const calls: StoreCalls = { list: 0, get: 0, write: 0 }
    const lifeboat = await place({ local: countingStore(await healthy(), calls) })
    await lifeboat.status()
    const first = { ...calls }
    await lifeboat.status()
    expect(first).toEqual({ list: 1, get: 3, write: 0 })
    expect(calls).toEqual({ list: 2, get: 3, write: 0 })
  })

  it('reads again what was replaced', async () => {
    const store = await healthy(memoryStore({ now: () => new Date(1) }))
    const lifeboat = await place({ local: store })
    await lifeboat.status()
    await plantBackup(store, 'shop', at(10 * hour), { tables: [] })
    const report = await lifeboat.status()
    expect(report.products[0]?.destinations[0]?.newest?.rows).toBe(0)
  })

  it('of 1,000 products: one listing and a few objects each, then only what is new', async () => {
    const fleet = await simulateFleet({ products: 1000, nights: 2, noon })
    const { calls } = fleet
    let now = noon
    const lifeboat = await openLifeboat(fleet.config, { deps: { now: () => now } })
    const report = await lifeboat.status()
    expect(report.products).toHaveLength(1000)
    // There was no drill yet, so every record is looked at.
    expect(calls).toEqual({ list: 2000, get: 2000 * (1 + 2), write: 0 })
    expect(new Set(found(report))).toEqual(new Set(['info drill-never-ran -']))
    const before = { ...calls }
    now = new Date(noon.getTime() + day)
    await fleet.addNight('shop-0007')
    const next = await lifeboat.status()
    // A manifest and a record in each of its two destinations.
    expect(calls).toEqual({ list: before.list + 2000, get: before.get + 2 * 2, write: 0 })
    const states = next.products.filter(({ state }) => state !== 'critical')
    expect(states.map(({ product }) => product)).toEqual(['shop-0007'])
  })
})
