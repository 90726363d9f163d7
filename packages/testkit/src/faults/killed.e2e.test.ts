import { cp, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { directory, type Lifeboat } from '@lifeboat/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordFault } from './fault-results.js'
import { type FaultShop, openFaultShop } from './fault-shop.js'
import type { MortalOrder } from './mortal-run.js'
import { type Mortals, startMortals } from './mortals.js'

/*
 * Fault 17: a process of ours is killed by a real SIGKILL, at moments spread over a backup and a prune: before every change
 * of the store's folder (in the middle of it, where it is a write) and at every event. After each the repository must be whole.
 */

const hour = 3_600_000
const leaseMs = 600_000
const retention = { last: 1, minimum: 1 }
let shop: FaultShop
let mortals: Mortals
/** How far ahead the clock of the next run is: every death is followed by its own day. */
let aheadMs = 0

beforeAll(async () => {
  shop = await openFaultShop('faults_killed')
  // Noise does not compress: several writes per artifact.
  await shop.query(
    'faults_killed',
    "create table noise as select string_agg(md5(g || ':' || r), '') as note from generate_series(1, 60) g, generate_series(1, 300) r group by g",
  )
  mortals = await startMortals(shop.folder)
})
afterAll(async () => {
  await mortals.close()
  await shop.close()
})

const now = () => new Date(Date.now() + aheadMs)
const opened = (folders: readonly string[]) => {
  const stores = Object.fromEntries(folders.map((folder, index) => [`place-${index}`, directory(folder)]))
  return shop.open({ stores, retention, deps: { now, lockLeaseMs: leaseMs } })
}
const orderOf = (work: MortalOrder['work'], folders: readonly string[], dieAt: number): MortalOrder => ({
  ...{ work, folders, dieAt, aheadMs, leaseMs, url: shop.url(), keys: shop.keys },
  pgTools: { folder: shop.tools.folder, major: shop.tools.major, version: shop.tools.version },
})

async function files(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter(one => one.isFile()).map(one => join(one.parentPath, one.name).slice(folder.length + 1))
}

/** Every backup that is listed is whole; those in `known` were read before and only have to be there. */
async function expectWhole(lifeboat: Lifeboat, known: Set<string>): Promise<Listed> {
  const { backups, unreadable } = await lifeboat.list()
  expect(unreadable).toEqual([])
  for (const { id, destination } of backups) {
    const level = known.has(destination + id) ? 'listed' : 'content'
    const { findings } = await lifeboat.verify(`shop/${id}`, { level, destination })
    expect(findings).toEqual([])
    known.add(destination + id)
  }
  return backups
}
type Listed = readonly { readonly id: string; readonly destination: string }[]

/** A lock that was left behind, and a claim to one, must be over when its lease is. Whether there is one. */
async function expectNoLastingLock(folders: readonly string[]): Promise<boolean> {
  let found = false
  for (const folder of folders) {
    const locks = join(folder, 'shop', 'locks')
    for (const name of await readdir(locks).catch(() => [])) {
      // What was not finished under another name is no lock.
      if (!name.endsWith('.json')) continue
      found = true
      const { expiresAt } = JSON.parse(await readFile(join(locks, name), 'utf8'))
      expect(Date.parse(expiresAt)).toBeLessThanOrEqual(now().getTime() + leaseMs)
    }
  }
  return found
}

/** Only whole backups and records of verifications are left. */
async function expectSwept(folders: readonly string[], backups: Listed): Promise<void> {
  for (const [index, folder] of folders.entries()) {
    const left = (await files(folder)).filter(name => !name.startsWith('shop/verifications/'))
    const expected = backups
      .filter(one => one.destination === `place-${index}`)
      .flatMap(({ id }) => [`shop/${id}/database.dump.gz.gpg`, `shop/${id}/manifest.json`])
    expect(left.sort()).toEqual(expected.sort())
  }
}

function record(level: 'backup' | 'prune', points: number, startedMs: number): void {
  const caughtBy = ['whole', 'lock-expires', 'swept']
  const made = `SIGKILL at every moment of a ${level}`
  recordFault({ fault: 17, made, level, caughtBy, ms: (performance.now() - startedMs) / points })
}

let killed = 0

describe('a process that is killed', () => {
  it('in a backup leaves whole backups or garbage, and the next run gets through', async () => {
    const startedMs = performance.now()
    const folders = [await mkdtemp(join(shop.folder, 'one-')), await mkdtemp(join(shop.folder, 'two-'))]
    const known = new Set<string>()
    let locksLeft = 0
    let points = 0
    // All on the same two repositories: each run is also the next run after a death.
    for (let dieAt = 0; ; dieAt++) {
      const end = await mortals.run(orderOf('backup', folders, dieAt))
      if (!end.killed) break
      points++
      if (await expectNoLastingLock(folders)) locksLeft++
      const lifeboat = await opened(folders)
      const backups = await expectWhole(lifeboat, known)
      // Every other time the next backup meets the dead one's lock, and else a sweep does.
      aheadMs += leaseMs + 61_000
      if (dieAt % 2 === 0) continue
      aheadMs += 25 * hour
      await lifeboat.sweep('shop', { apply: true })
      await expectSwept(folders, backups)
    }
    expect(points).toBeGreaterThan(30)
    expect(locksLeft).toBeGreaterThan(20)
    // Deaths after the first manifest leave a backup in one place or in both.
    expect(known.size).toBeGreaterThan(3)
    // Once more from end to end, for what the deaths after them may have done.
    await expectWhole(await opened(folders), new Set())
    killed += points
    record('backup', points, startedMs)
  })

  it('in a prune leaves whole backups, and the next prune ends what it began', async () => {
    const startedMs = performance.now()
    const template = await mkdtemp(join(shop.folder, 'before-prune-'))
    const before = await opened([template])
    for (let i = 0; i < 3; i++) {
      await before.backup('shop')
      await before.verify('shop/latest')
      aheadMs += hour
    }
    const known = new Set<string>()
    const newest = (await expectWhole(before, known))[0]!
    let points = 0
    for (let dieAt = 0; ; dieAt++) {
      const folder = await mkdtemp(join(shop.folder, 'prune-'))
      await cp(template, folder, { recursive: true })
      const end = await mortals.run(orderOf('prune', [folder], dieAt))
      if (!end.killed) break
      points++
      await expectNoLastingLock([folder])
      const lifeboat = await opened([folder])
      expect((await expectWhole(lifeboat, known)).map(one => one.id)).toContain(newest.id)
      aheadMs += 25 * hour
      const [pruned] = await lifeboat.prune('shop', { apply: true })
      expect(pruned).toMatchObject({ retained: [], sweep: { retained: [] } })
      const left = await expectWhole(lifeboat, dieAt % 8 === 0 ? new Set() : known)
      expect(left.map(one => one.id)).toEqual([newest.id])
      // A prune ends with a sweep of its own.
      await expectSwept([folder], left)
    }
    expect(points).toBeGreaterThan(15)
    killed += points
    record('prune', points, startedMs)
  })

  it('was killed at fifty moments or more', () => {
    expect(killed).toBeGreaterThanOrEqual(50)
  })
})
