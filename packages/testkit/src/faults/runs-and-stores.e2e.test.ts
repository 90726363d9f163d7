import { mkdtemp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type BackupEvent, directory, type Lifeboat, memoryStore, type ObjectStore } from '@lifeboat/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../../cli/src/testing/fake-io.js'
import { bytesOf } from '../../../core/src/streams/byte-source.js'
import { faulty, type StoreMoment } from '../faulty-store.js'
import { fullAfter, smallDisk } from '../small-disk.js'
import { expectCaught, type FaultShop, findingsOf, keysIn, openFaultShop, refusalOf } from './fault-shop.js'

/* Faults 18 to 21: a full disk, two runs at once, a destination that is down, a retention under attack. */

const hour = 3_600_000
let shop: FaultShop
beforeAll(async () => {
  shop = await openFaultShop('faults_runs')
})
afterAll(() => shop.close())

const unreachable = () => Object.assign(new Error('made up by a test'), { code: 'EIO' })
/** As `lifeboat` would end: its status, and everything it said. */
async function cli(lifeboat: Lifeboat, ...argv: string[]) {
  const { status, stderr, stdout } = await runCli(argv, { open: async () => lifeboat })
  return { status, said: stderr + stdout }
}

describe('a full disk', () => {
  it('fails the backup and leaves nothing half-whole', async () => {
    const disk = await smallDisk(shop.folder, 64 * 1024)
    try {
      const lifeboat = await shop.open({ stores: { local: disk.store } })
      await expectCaught({ fault: 18, made: 'no room for the dump', level: 'backup' }, ['store-full'], async () => [
        (await refusalOf(lifeboat.backup('shop'))).code,
      ])
      expect(await keysIn(disk.store)).toEqual([])
    } finally {
      await disk.close()
    }
  })

  it('that holds the dump but not its manifest fails the backup, too', async () => {
    const path = await mkdtemp(join(shop.folder, 'full-'))
    const probe = memoryStore()
    const { manifest } = await (await shop.open({ stores: { probe } })).backup('shop')
    // Room for the lock, the artifact, and a part of the manifest.
    const room = manifest.artifacts[0]!.storedBytes + 600
    const lifeboat = await shop.open({ stores: { local: fullAfter(directory(path), room) } })
    await expectCaught({ fault: 18, made: 'no room for the manifest', level: 'backup' }, ['store-full'], async () => [
      (await refusalOf(lifeboat.backup('shop'))).code,
    ])
    const names = await readdir(path, { recursive: true })
    expect(names.filter(name => !name.startsWith('shop') || /gpg|manifest|tmp/.test(name))).toEqual([])
  })
})

describe('of two runs at once', () => {
  /** A store that stops before a step until it is let go. */
  function pausing(inner: ObjectStore, at: (moment: StoreMoment) => boolean) {
    let reach: () => void = () => {}
    let letGo: () => void = () => {}
    const reached = new Promise<void>(resolve => {
      reach = resolve
    })
    const free = new Promise<void>(resolve => {
      letGo = resolve
    })
    const store = faulty(inner, moment => {
      if (!at(moment)) return
      reach()
      return free
    })
    return { store, reached, letGo }
  }
  const whileDumping = ({ step, key }: StoreMoment) => step === 'put-chunk' && key.endsWith('.gpg')

  async function expectLocked(made: string, lifeboat: Lifeboat, argv: string[], holder: RegExp): Promise<void> {
    const [command] = argv
    const call = () => (command === 'backup' ? lifeboat.backup('shop') : lifeboat.prune('shop', { apply: true }))
    await expectCaught({ fault: 19, made, level: 'lock' }, ['locked'], async () => {
      const { code, message } = await refusalOf(call())
      expect(message).toMatch(holder)
      return [code]
    })
    const { status, said } = await cli(lifeboat, ...argv)
    expect(status).toBe(11)
    expect(said).toMatch(holder)
  }

  it('the second backup is told who makes the first, by the store and by the source', async () => {
    const inner = memoryStore()
    const paused = pausing(inner, whileDumping)
    const first = (await shop.open({ stores: { local: paused.store } })).backup('shop')
    await paused.reached
    const other = shop.url('faults_runs_other')
    await shop.query('postgres', 'create database faults_runs_other template template0')
    await shop.query('faults_runs_other', 'create table orders (id int); create table customers (id int)')
    const sameStore = await shop.open({ stores: { local: inner }, url: other })
    await expectLocked('two backups into one store', sameStore, ['backup'], /locked by .*process \d+, for a backup/)
    await expectLocked(
      'two backups of one source',
      await shop.open(),
      ['backup'],
      /another backup, in the database session/,
    )
    await expectLocked(
      'a prune during a backup',
      await shop.open({ stores: { local: inner } }),
      ['prune', '--apply'],
      /for a backup/,
    )
    paused.letGo()
    expect((await first).status).toBe('complete')
    expect(await findingsOf(await shop.open({ stores: { local: inner } }), 'shop/latest', 'content')).toEqual([])
  })

  it('a backup is told of the prune that is under way', async () => {
    const inner = memoryStore()
    const retention = { last: 1, minimum: 1 }
    const lifeboat = await shop.open({ stores: { local: inner }, retention })
    for (let i = 0; i < 2; i++) {
      await lifeboat.backup('shop')
      await lifeboat.verify('shop/latest')
    }
    const paused = pausing(inner, ({ step, key }) => step === 'remove' && key.endsWith('manifest.json'))
    const pruning = (await shop.open({ stores: { local: paused.store }, retention })).prune('shop', { apply: true })
    await paused.reached
    await expectLocked('a backup during a prune', lifeboat, ['backup'], /for a prune/)
    paused.letGo()
    expect((await pruning)[0]!.removed).toHaveLength(1)
  })
})

describe('one of several destinations', () => {
  it.each<[string, (moment: StoreMoment) => boolean]>([
    ['down from the start', () => true],
    ['gone half-way', ({ step, ofKind, key }) => step === 'put-chunk' && key.endsWith('.gpg') && ofKind > 2],
    ['refusing the manifest', ({ step, key }) => step === 'put' && key.endsWith('manifest.json')],
  ])('%s leaves the others whole, and the command says 3', async (made, fails) => {
    const [bad, good] = [memoryStore(), memoryStore()]
    const broken = faulty({ ...bad, classify: () => 'store-unreachable' }, moment => {
      if (fails(moment)) throw unreachable()
    })
    const retry = { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, budgetMs: 1 }
    const lifeboat = await shop.open({ stores: { bad: broken, good }, deps: { retry } })
    const events: BackupEvent[] = []
    await expectCaught({ fault: 20, made, level: 'partial' }, ['destination.failed', 'store-unreachable'], async () => {
      const { status, destinations } = await lifeboat.backup('shop', { onEvent: event => void events.push(event) })
      expect(status).toBe('partial')
      expect(destinations.map(one => one.outcome)).toEqual(['failed', 'stored'])
      const failed = events.filter(event => event.type === 'destination.failed')
      return [...failed.map(event => event.type), destinations[0]!.error!.code]
    })
    expect((await keysIn(bad)).filter(key => /gpg|manifest/.test(key))).toEqual([])
    const sound = await shop.open({ stores: { good } })
    expect(await findingsOf(sound, 'shop/latest', 'content')).toEqual([])
    const { status, said } = await cli(lifeboat, 'backup')
    expect(status).toBe(3)
    expect(said).toContain('bad')
  })
})

describe('a prune', () => {
  const retention = { last: 1, minimum: 1 }
  let clockMs = Date.parse('2026-11-01T02:00:00Z')
  const now = () => new Date(clockMs)
  const opened = (store: ObjectStore) => shop.open({ stores: { local: store }, retention, deps: { now } })

  /** A good backup a day, verified, and then as many bad ones: damaged where they lie, and verified as well. */
  async function goodThenBad(store: ObjectStore, good: number, bad: number): Promise<string[]> {
    const lifeboat = await opened(store)
    const ids: string[] = []
    for (let i = 0; i < good + bad; i++) {
      clockMs += 24 * hour
      const { id, manifest } = await lifeboat.backup('shop')
      ids.push(id)
      if (i >= good) await store.put(manifest.artifacts[0]!.key, bytesOf(Buffer.from('garbage')))
      expect((await lifeboat.verify(`shop/${id}`)).ok).toBe(i < good)
    }
    return ids
  }
  async function pruned(store: ObjectStore) {
    const [result] = await (await opened(store)).prune('shop', { apply: true })
    return result!
  }
  /** Reasons without what is only true today. */
  const why = (kept: { readonly reasons: readonly string[] } | undefined) =>
    kept?.reasons.map(one => one.replace(/ /g, '-')) ?? []

  it('of bad backups, all but one, keeps that one', async () => {
    const store = memoryStore()
    const [good] = await goodThenBad(store, 1, 3)
    await expectCaught(
      { fault: 21, made: 'all backups but one are bad', level: 'prune' },
      ['minimum-verified', 'last-1'],
      async () => why((await pruned(store)).plan.keep.find(one => one.id === good)),
    )
    expect(await findingsOf(await opened(store), `shop/${good}`, 'content')).toEqual([])
  })

  it('under a clock that is a year ahead removes no more than before', async () => {
    const store = memoryStore()
    const ids = await goodThenBad(store, 3, 0)
    const right = (await (await opened(store)).prune('shop'))[0]!.plan
    clockMs += 365 * 24 * hour
    await expectCaught(
      { fault: 21, made: 'the clock is a year ahead', level: 'prune' },
      ['minimum-verified', 'last-1'],
      async () => {
        const { plan } = await pruned(store)
        expect(plan).toEqual(right)
        return why(plan.keep.find(one => one.id === ids.at(-1)))
      },
    )
    expect(await findingsOf(await opened(store), `shop/${ids.at(-1)}`, 'content')).toEqual([])
  })

  it('knows what was made and verified while the clock was set back and forth', async () => {
    const store = memoryStore()
    let looks = 0
    // Two hours on and an hour back twice, so that a run may end before it began, or long after.
    const restless = () => new Date(clockMs - (looks++ % 3) * hour)
    const lifeboat = await shop.open({ stores: { local: store }, retention, deps: { now: restless } })
    const { id, durationMs } = await lifeboat.backup('shop')
    expect(durationMs).toBeGreaterThanOrEqual(0)
    // As many as there are sides of the clock to begin at.
    for (let i = 0; i < 3; i++) {
      looks = i
      expect(await lifeboat.verify(`shop/${id}`)).toMatchObject({ ok: true, findings: [] })
    }
    clockMs += hour
    const recorded = await (await opened(store)).history('shop')
    expect(recorded.map(one => [one.id, one.ok])).toEqual([1, 2, 3].map(() => [id, true]))
    await expectCaught(
      { fault: 21, made: 'the clock is set back and forth meanwhile', level: 'prune' },
      ['minimum-verified', 'last-1'],
      async () => why((await pruned(store)).plan.keep.find(one => one.id === id)),
    )
  })

  it('in a flood of fresh garbage keeps the verified ones', async () => {
    const store = memoryStore()
    const [one, two] = await goodThenBad(store, 2, 0)
    const { manifest } = (await (await opened(store)).list()).backups[0]!
    for (let i = 0; i < 200; i++) {
      clockMs += 60_000
      const id = `${now()
        .toISOString()
        .replace(/[-:]|\.\d+/g, '')}-${String(i).padStart(6, 'a')}`
      const forged = { ...manifest, id, createdAt: now().toISOString(), seal: null }
      const artifacts = [{ ...manifest.artifacts[0]!, key: `shop/${id}/database.dump.gz.gpg` }]
      await store.put(artifacts[0]!.key, bytesOf(Buffer.from('garbage')))
      await store.put(`shop/${id}/manifest.json`, bytesOf(Buffer.from(JSON.stringify({ ...forged, artifacts }))))
    }
    await expectCaught(
      { fault: 21, made: '200 fresh garbage backups', level: 'prune' },
      ['minimum-verified', 'last-1'],
      async () => {
        const { plan, removed } = await pruned(store)
        expect(removed).toEqual([one])
        return why(plan.keep.find(kept => kept.id === two))
      },
    )
    expect(await findingsOf(await opened(store), `shop/${two}`, 'content')).toEqual([])
  })

  it('touches nothing that it does not know', async () => {
    const store = memoryStore()
    await goodThenBad(store, 2, 0)
    const foreign = ['shop/notes.txt', 'shop/uploads/a.gpg', 'shop2/x/manifest.json', 'shop/locks/ours.txt', 'readme']
    for (const key of foreign) await store.put(key, bytesOf(Buffer.from('theirs')))
    clockMs += 48 * hour
    await expectCaught(
      { fault: 21, made: 'unknown objects under the prefix', level: 'prune' },
      ['untouched'],
      async () => {
        const { removed } = await pruned(store)
        expect(removed).toHaveLength(1)
        const keys = await keysIn(store)
        return foreign.every(key => keys.includes(key)) ? ['untouched'] : []
      },
    )
  })
})
