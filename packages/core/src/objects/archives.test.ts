import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ArchivingStore, archiving } from '../../../testkit/src/archiving-store.js'
import type { ProveObjectsOptions, RotateObjectsOptions } from '../api/keys.js'
import type { VerifyObjectsOptions } from '../api/objects.js'
import { secret } from '../config/secret.js'
import type { BackupEvent } from '../events/backup-event.js'
import { openLifeboat } from '../lifeboat.js'
import { planRetrieval, type RetrievalStep } from '../retrieval/plan-retrieval.js'
import { memoryStore } from '../store/memory-store.js'
import type { ArchiveState } from '../store/object-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { describeArchived } from './archived-summary.js'
import { ContentMarks } from './content-marks.js'
import { contentKey } from './object-layout.js'
import { type RetrievalJob, retrieveContent } from './retrieve-content.js'
import { keyFolder, openShop, readers } from './testing/shop.js'

const hour = 3_600_000
const now = new Date('2026-11-21T02:00:00Z')
const inHours = (hours: number) => new Date(now.getTime() + hours * hour)

describe('content that', () => {
  it.each<[string, ArchiveState | undefined, 'standard' | 'expedited', RetrievalStep]>([
    ['lies in no archive', undefined, 'standard', 'read'],
    ['lies in one', { state: 'archived' }, 'standard', 'ask'],
    ['is being retrieved', { state: 'retrieving' }, 'standard', 'wait'],
    ['is being retrieved, and shall come quicker', { state: 'retrieving' }, 'expedited', 'ask'],
    ['can be read for days', { state: 'readable', until: inHours(30) }, 'standard', 'read'],
    ['can be read for hours', { state: 'readable', until: inHours(20) }, 'standard', 'renew'],
    ['can be read, nobody knows how long', { state: 'readable' }, 'standard', 'read'],
  ])('%s', (_, state, tier, step) => {
    expect(planRetrieval(state, { tier }, now)).toBe(step)
  })

  it('cannot be read is told with how much it is', () => {
    const some = { contents: 12, storedBytes: 1_610_612_736, retrieving: 0, storageClass: 'GLACIER' }
    expect(describeArchived(some)).toBe('12 contents (1.5 GiB) lie in GLACIER')
    expect(describeArchived({ ...some, retrieving: 3 })).toBe(
      '12 contents (1.5 GiB) lie in GLACIER, 3 of them are being retrieved',
    )
    expect(describeArchived({ ...some, contents: 1, retrieving: 1, storedBytes: 9 })).toBe(
      '1 content (9 bytes) is being retrieved from GLACIER',
    )
  })
})

const run = '20261121T020000Z-7f3k9q'

/** Content 0 to n-1 of one run, and a job that needs it. */
async function contentIn(store: ArchivingStore, count: number, retrieve?: RetrievalJob['retrieve']) {
  const needed = new ContentMarks()
  for (let number = 0; number < count; number++) {
    await store.put(contentKey('shop', 'calls', run, number), bytesOf('x'.repeat(10)))
    needed.mark(run, number)
  }
  const clock = { ms: now.getTime(), waits: [] as number[], onWait: (_: number) => {} }
  const events: BackupEvent[] = []
  const job: RetrievalJob = {
    ...{ store, product: 'shop', set: 'calls', destination: 'vault', retrieve, signal: undefined },
    now: () => new Date(clock.ms),
    sleep: async ms => {
      clock.ms += ms
      clock.waits.push(ms)
      clock.onWait(clock.waits.length)
    },
    emit: event => void events.push(event),
  }
  return { needed, job, clock, events }
}

const inArchive = () => archiving(memoryStore(), key => key.includes('/content/'))
const nameOf = (number: number) => contentKey('shop', 'calls', run, number)

describe('a retrieval', () => {
  it('asks for what is needed and nothing else, once, and waits for the last of it', async () => {
    const store = inArchive()
    const { needed, job, clock, events } = await contentIn(store, 130, { waitMs: 12 * hour })
    await store.put(nameOf(500), bytesOf('another snapshot needs it'))
    clock.onWait = wait => void (wait === 7 && store.finish())
    await retrieveContent(job, needed)
    expect([...new Set(store.retrievals)].sort()).toEqual(Array.from({ length: 130 }, (_, n) => nameOf(n)))
    expect(store.retrievals).toHaveLength(130)
    expect(clock.waits).toEqual(Array(7).fill(60_000))
    // Each is looked at before and after, and while they are waited for only the first of them.
    expect(store.heads()).toBeLessThan(2 * 130 + 8 * 16)
    expect(events.filter(one => one.type === 'retrieval.requested')).toHaveLength(1)
    await retrieveContent(job, needed)
    expect(store.retrievals).toHaveLength(130)
  })

  it('of which some is there, some under way, and some goes away again meanwhile, comes to its end', async () => {
    const store = inArchive()
    const { needed, job, clock } = await contentIn(store, 40, { waitMs: 12 * hour })
    for (let number = 0; number < 10; number++) await store.retrieve!(nameOf(number), { days: 1, tier: 'bulk' })
    store.finish()
    for (let number = 10; number < 20; number++) await store.retrieve!(nameOf(number), { days: 1, tier: 'bulk' })
    store.retrievals.length = 0
    clock.onWait = wait => {
      if (wait === 2) store.expire()
      if (wait % 5 === 0) store.finish()
    }
    await retrieveContent(job, needed)
    expect(store.retrievals.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, n) => nameOf(n + 20)))
    for (let number = 10; number < 40; number++)
      expect((await store.head(nameOf(number)))?.archive?.state).toBe('readable')
  })

  it('keeps copies that would go away soon, and does not wait for that', async () => {
    const store = inArchive()
    const { needed, job, clock } = await contentIn(store, 3, { waitMs: hour })
    for (let number = 0; number < 3; number++) await store.retrieve!(nameOf(number), { days: 1, tier: 'bulk' })
    store.finish(inHours(2))
    store.retrievals.length = 0
    await retrieveContent(job, needed)
    expect([store.retrievals.length, clock.waits]).toEqual([3, []])
  })

  it('gives up when its time is over, and says what is not there and when it should be', async () => {
    const store = inArchive()
    const { needed, job, clock } = await contentIn(store, 3, { waitMs: 90_000 })
    await expect(retrieveContent(job, needed)).rejects.toMatchObject({
      code: 'object-archived',
      message: '3 contents (30 bytes) are being retrieved from GLACIER',
      hint: expect.stringMatching(/^come back after 2026-11-21 07:00 UTC and run the same again/),
    })
    expect(clock.waits).toEqual([60_000, 30_000])
    const unasked = { ...job, retrieve: undefined }
    await expect(retrieveContent(unasked, needed)).rejects.toMatchObject({
      hint: expect.stringMatching(/in some hours/),
    })
    expect(store.retrievals).toHaveLength(3)
  })

  it('of a store without archives costs nothing', async () => {
    const { retrieve: _, ...plain } = inArchive()
    const { needed, job } = await contentIn(plain as ArchivingStore, 3, { waitMs: hour })
    await retrieveContent(job, needed)
    expect(plain.heads()).toBe(0)
  })
})

describe('marks of content', () => {
  it('are told by run, in order, however far apart', () => {
    const marks = new ContentMarks()
    const all = [0, 1, 7, 8, 63, 64, 511, 512, 100_003]
    for (const number of [...all].reverse()) marks.mark(run, number)
    marks.mark('20261122T020000Z-7f3k9q', 4)
    expect([...marks.runs()]).toEqual([
      { run, count: all.length },
      { run: '20261122T020000Z-7f3k9q', count: 1 },
    ])
    expect([...marks.numbersOf(run)]).toEqual(all)
    expect([...marks.numbersOf('none')]).toEqual([])
  })
})

describe('a snapshot whose content is in an archive', () => {
  const keys = keyFolder('team', 'next')

  async function setUp(count = 6, store = inArchive()) {
    const source = memoryStore()
    const waits = { onWait: () => {} }
    let made = 0
    const now = () => new Date(Date.parse('2026-11-21T02:00:00Z') + made++)
    const lifeboat = await openShop({
      ...{ from: source, store, keys, named: 'calls', encryption: readers('team', 'team') },
      // Which share of a snapshot is read follows from its id: the same one in every run of the test.
      deps: { sleep: async () => waits.onWait(), now, random: limit => 7 % limit },
    })
    for (let n = 0; n < count; n++) await source.put(`call ${n}`, bytesOf(`${n % 10}`.repeat(2 ** 20 + 1)))
    await source.put('empty', bytesOf())
    await lifeboat.copyObjects('shop', 'calls')
    const verify = (options: VerifyObjectsOptions) => lifeboat.verifyObjects('shop', 'calls', options)
    return { source, store, lifeboat, verify, waits }
  }

  it('is asked for as far as a proof of a key reads it', async () => {
    const { store, lifeboat, waits } = await setUp()
    const prove = (options: ProveObjectsOptions) => lifeboat.proveKeyOfObjects('shop', 'calls', options)
    await expect(prove({})).rejects.toMatchObject({
      ...{ code: 'object-archived', message: expect.stringMatching(/^1 content /) },
      hint: expect.not.stringContaining('--prefix'),
    })
    expect(store.retrievals).toEqual([])
    await expect(prove({ retrieve: {} })).rejects.toMatchObject({ hint: expect.stringMatching(/^come back after/) })
    expect(store.retrievals).toHaveLength(1)
    waits.onWait = () => store.finish()
    const { record } = await prove({ whole: true, retrieve: { waitMs: 24 * hour } })
    expect(record).toMatchObject({ extent: 'whole', artifacts: [{ plainBytes: 6 * (2 ** 20 + 1) }] })
    expect(store.retrievals).toHaveLength(6)
  })

  describe('to be encrypted anew', () => {
    /** What is encrypted to new keys where the old ones are in an archive. */
    async function setUpRotation(waits = { onWait: () => {} }) {
      const { store } = await setUp()
      const next = await openShop({
        ...{ from: memoryStore(), store, keys, named: 'calls', encryption: readers('next', 'team') },
        deps: { sleep: async () => waits.onWait() },
      })
      const rotate = async (options: RotateObjectsOptions) => {
        const key = { privateKey: join(keys.path, 'team-private.asc') }
        const [done] = await next.rotateObjects('shop', 'calls', { key, apply: true, ...options })
        return done!.snapshots
      }
      return { store, next, rotate }
    }

    it('is asked for only where that is said, and not written before all of it is there', async () => {
      const { store, next, rotate } = await setUpRotation()
      const left = async () => {
        const keys: string[] = []
        for await (const { key } of store.list('shop/')) keys.push(key)
        return keys
      }
      const before = await left()
      const [unasked] = await rotate({})
      expect(unasked).toMatchObject({ outcome: 'failed', error: { code: 'object-archived' } })
      expect(unasked?.error?.message).toMatch(/^6 contents .* lie in GLACIER, and must be retrieved/)
      expect(unasked?.error?.hint).toMatch(/^`--retrieve` asks .* waits for it$/)
      expect(store.retrievals).toEqual([])
      await rotate({ apply: false, retrieve: {} })
      expect(store.retrievals).toEqual([])

      const [asked] = await rotate({ retrieve: {} })
      expect(asked?.error?.message).toMatch(/^6 contents .* being retrieved from GLACIER$/)
      expect(asked?.error?.hint).toMatch(/^come back after .* UTC and run the same again/)
      expect(store.retrievals).toHaveLength(6)
      expect(await left()).toEqual(before)

      store.finish()
      const [done] = await rotate({ retrieve: {} })
      // What it writes lands in the archive, too, and is looked at.
      expect(done).toMatchObject({ outcome: 'rotated', verified: 'listed', error: null })
      expect((await next.objectHistory('shop')).map(one => [one.level, one.ok])).toEqual([['listed', true]])
      // Which is no verification that somebody wanted, or a schedule.
      const status = async () => (await next.status()).products[0]!.objects[0]!.destinations[0]!
      expect(await status()).toMatchObject({ newest: { verified: null }, lastVerification: null })
      expect(store.retrievals).toHaveLength(6)
    })

    it('is waited for without the lock of the set, all snapshots of it at once, and asked for again while it is read', async () => {
      const waits = { onWait: () => {} }
      const { store, next, rotate } = await setUpRotation(waits)
      let waited = 0
      let locks = 0
      let expired = false
      waits.onWait = () => {
        waited += 1
        store.finish()
      }
      const { put } = store
      store.put = (key, ...rest) => {
        if (waited === 0 && key.includes('/locks/')) locks += 1
        return put(key, ...rest)
      }
      const onEvent = (event: BackupEvent) => {
        if (expired || event.type !== 'stage.progressed' || event.stage !== 'objects') return
        expired = true
        store.expire()
      }
      const [done] = await rotate({ retrieve: { waitMs: 24 * hour }, onEvent })
      expect(done).toMatchObject({ outcome: 'rotated', error: null })
      expect([locks, expired]).toEqual([0, true])
      expect(waited).toBeGreaterThan(1)
      const read = await next.verifyObjects('shop', 'calls', { retrieve: { waitMs: 24 * hour } })
      expect(read).toMatchObject({ ok: true, level: 'content', read: 7 })
    })
  })

  it('is verified as far as it can be read, by the same share each time, and goes on when copies go away', async () => {
    const { store, lifeboat, verify, waits } = await setUp()
    const sampled = { sample: 0.4, retrieve: {} }
    await expect(verify(sampled)).rejects.toMatchObject({ code: 'object-archived' })
    const asked = [...store.retrievals]
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.length).toBeLessThan(6)
    store.finish()
    expect(await verify(sampled)).toMatchObject({ ok: true, level: 'content', read: asked.length + 1 })
    expect(store.retrievals).toEqual(asked)
    // Without asking, what is there is read, and what is not is said.
    for (const [level, read] of [
      ['stored', asked.length],
      ['content', asked.length + 1],
    ] as const) {
      const report = await verify({ level })
      expect(report).toMatchObject({ ok: true, level: 'listed', read })
      expect(report.findings).toEqual([expect.objectContaining({ code: 'content-archived', severity: 'warning' })])
    }
    expect(store.retrievals).toEqual(asked)

    // All are there; then all copies go away while they are read.
    let expired = false
    waits.onWait = () => store.finish()
    const onEvent = (event: BackupEvent) => {
      if (expired || event.type !== 'stage.progressed' || event.stage !== 'verify') return
      expired = true
      store.expire()
    }
    for (const [level, read] of [
      ['stored', 6],
      ['content', 7],
    ] as const) {
      expired = false
      const report = await verify({ level, retrieve: { waitMs: 24 * hour }, onEvent })
      expect(report).toMatchObject({ ok: true, level, read, findings: [] })
      expect(expired).toBe(true)
    }
    expect((await lifeboat.listObjectSnapshots('shop', 'calls')).snapshots[0]?.archived).toBeNull()
  })

  it('in a tier that listings do not name is met while it is read', async () => {
    const inner = memoryStore()
    const silent = { ...archiving(inner, key => key.includes('/content/')), list: inner.list }
    const { store, verify, waits } = await setUp(3, silent)
    for (const level of ['stored', 'content'] as const) {
      const report = await verify({ level })
      // The empty one lies in no content.
      expect(report).toMatchObject({ ok: true, level: 'listed', read: level === 'stored' ? 0 : 1 })
      expect(report.findings.map(({ code, message }) => [code, message.split(':')[0]])).toEqual([
        ['content-archived', level === 'stored' ? '3 contents lie in an archive' : '3 objects lie in an archive'],
      ])
    }
    expect(store.retrievals).toEqual([])
    await expect(verify({ retrieve: {} })).rejects.toMatchObject({
      ...{ code: 'object-archived', message: expect.stringMatching(/^3 contents .* are being retrieved/) },
    })
    waits.onWait = () => store.finish()
    expect(await verify({ retrieve: { waitMs: hour } })).toMatchObject({ ok: true, level: 'content', read: 4 })
    expect(store.retrievals).toHaveLength(3)
  })

  it('is asked for anew only as far as it is still to be restored', async () => {
    const { source, store, lifeboat, waits } = await setUp(14)
    waits.onWait = () => store.finish()
    let [expired, before] = [false, 0]
    const onEvent = (event: BackupEvent) => {
      if (expired || event.type !== 'stage.progressed' || !event.detail?.startsWith('6 of')) return
      expired = true
      before = store.retrievals.length
      store.expire()
    }
    // They are all there, and replaced one after the other.
    const options = { existing: 'overwrite', overwriteSource: true, retrieve: { waitMs: 24 * hour }, onEvent } as const
    const result = await lifeboat.restoreObjects('shop', 'calls', source, options)
    expect(result).toMatchObject({ restored: 15, failedCount: 0, findings: [] })
    expect([expired, before]).toEqual([true, 14])
    const anew = store.retrievals.length - before
    expect(anew).toBeGreaterThan(0)
    expect(anew).toBeLessThan(14)
  })

  it('has none of its other files there: a store whose own class is an archive is refused', async () => {
    const store = archiving(memoryStore(), key => key.startsWith('shop/objects/'))
    const lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
          encryption: { passphrase: secret.value('correct horse battery staple', 'a test') },
          destinations: { vault: { store } },
          objects: { calls: { from: memoryStore() } },
        },
      },
    })
    await expect(lifeboat.copyObjects('shop', 'calls')).rejects.toMatchObject({
      ...{ code: 'store-refused', message: expect.stringMatching(/listings\/.* landed in GLACIER/) },
      hint: expect.stringContaining('storageClass of the set'),
    })
    for await (const { key } of store.list('shop/')) expect.unreachable(key)
  })

  it('says what is restored already when copies go away and nobody asks for them anew', async () => {
    const { source, store, lifeboat, verify } = await setUp()
    await expect(verify({ retrieve: {} })).rejects.toMatchObject({ code: 'object-archived' })
    store.finish()
    const target = memoryStore()
    const onEvent = (event: BackupEvent) => void (event.type === 'stage.progressed' && store.expire())
    await expect(lifeboat.restoreObjects('shop', 'calls', target, { onEvent })).rejects.toMatchObject({
      code: 'object-archived',
      message: expect.stringMatching(/; [1-9]\d* objects were restored before$/),
      hint: expect.stringMatching(/add --keep-existing/),
    })
    const again = { existing: 'keep', retrieve: {} } as const
    await expect(lifeboat.restoreObjects('shop', 'calls', target, again)).rejects.toMatchObject({
      code: 'object-archived',
    })
    store.finish()
    await lifeboat.restoreObjects('shop', 'calls', target, again)
    for await (const { key } of source.list(''))
      expect((await readWhole(target.get(key), 2 ** 22)).equals(await readWhole(source.get(key), 2 ** 22)), key).toBe(
        true,
      )
  })
})
