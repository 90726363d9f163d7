import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { dying, faulty } from '../../../testkit/src/faulty-store.js'
import type {} from '../../../testkit/src/provided-postgres.js'
import { directory, type Lifeboat, type ObjectStore, openLifeboat, secret } from '../index.js'

/*
 * A process that is killed is one from which nothing more reaches the store, the server closes its session, and no line
 * of its own cleans up. That is what these tests make, at every step that a run takes on its store.
 */

const server = new URL(inject('postgres').url)
const url = Object.assign(new URL(server), { pathname: '/crash_shop' }).href
const hour = 3_600_000
const leaseMs = 600_000
/** Virtual hours since the tests began: every crash is followed by its own day. */
let clockMs = Date.now()
let folder: string

async function query(database: string, sql: string): Promise<void> {
  const client = new pg.Client(Object.assign(new URL(server), { pathname: `/${database}` }).href)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** The server notices that the process is gone. */
async function closeSessions(): Promise<void> {
  await query('postgres', "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = 'crash_shop'")
}

function open(store: ObjectStore): Promise<Lifeboat> {
  return openLifeboat(
    {
      products: {
        shop: {
          source: { url: secret.value(url) },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { local: { store, retention: { last: 1, minimum: 1 } } },
          verify: { criticalTables: ['orders'] },
        },
      },
    },
    { deps: { now: () => new Date(clockMs), lockLeaseMs: leaseMs } },
  )
}

/** Runs `work` on a store that dies at a step; whether it came to its end before. */
async function crash(
  store: ObjectStore,
  step: number,
  work: (lifeboat: Lifeboat) => Promise<unknown>,
): Promise<boolean> {
  const { store: mortal, died } = dying(store, step)
  const working = work(await open(mortal)).then(
    () => 'done' as const,
    (error: unknown) => {
      throw error
    },
  )
  // What it says after its session was closed is said by a dead process.
  working.catch(() => {})
  const end = await Promise.race([working, died.then(() => 'died' as const)])
  if (end === 'died') await closeSessions()
  return end === 'done'
}

async function files(path: string): Promise<string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true })
  return found.filter(one => one.isFile()).map(one => one.name)
}

/** What must hold after any crash: every backup that is listed is whole. */
async function expectWhole(lifeboat: Lifeboat): Promise<number> {
  const { backups, unreadable } = await lifeboat.list()
  expect(unreadable).toEqual([])
  for (const { id } of backups) expect(await lifeboat.verify(`shop/${id}`)).toMatchObject({ ok: true, findings: [] })
  return backups.length
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-crash-'))
  await query('postgres', 'create database crash_shop')
  // Noise does not compress: several chunks reach the store.
  await query(
    'crash_shop',
    "create table orders as select g as id, string_agg(md5(g || ':' || r), '') as note from generate_series(1, 120) g, generate_series(1, 300) r group by g",
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

// A step takes seconds on a slow machine, and there are some dozens of them.
const timeout = 1_200_000

describe('a run that is killed', { timeout }, () => {
  it('at any step of a backup leaves whole backups and garbage, and holds nobody up for longer than its lease', async () => {
    let crashes = 0
    for (let step = 0, done = false; !done; step++) {
      const path = join(folder, `backup-${step}`)
      const store = directory(path)
      done = await crash(store, step, lifeboat => lifeboat.backup('shop'))
      if (!done) crashes++
      const lifeboat = await open(store)
      const whole = await expectWhole(lifeboat)
      clockMs += leaseMs + 61_000
      // Each takes the lock over; a new backup at every third step would show nothing more.
      if (step % 3 === 0) expect((await lifeboat.backup('shop')).status).toBe('complete')
      clockMs += 25 * hour
      await lifeboat.sweep('shop', { apply: true })
      const backups = whole + (step % 3 === 0 ? 1 : 0)
      expect((await lifeboat.list()).backups).toHaveLength(backups)
      const names = await files(path)
      expect(names.filter(name => name.startsWith('.lifeboat-tmp-') || name.startsWith('change'))).toEqual([])
      expect(names.filter(name => name.endsWith('.gpg'))).toHaveLength(backups)
    }
    expect(crashes).toBeGreaterThan(12)
  })

  it('at any step of a prune leaves whole backups, and the next prune ends what it began', async () => {
    const before = await open(directory(join(folder, 'before-prune')))
    for (let i = 0; i < 3; i++) {
      await before.backup('shop')
      await before.verify('shop/latest')
      clockMs += hour
    }
    let crashes = 0
    for (let step = 0, done = false; !done; step++) {
      const path = join(folder, `prune-${step}`)
      await cp(join(folder, 'before-prune'), path, { recursive: true })
      const store = directory(path)
      const lifeboat = await open(store)
      done = await crash(store, step, mortal => mortal.prune('shop', { apply: true }))
      if (!done) crashes++
      expect(await expectWhole(lifeboat)).toBeGreaterThanOrEqual(1)
      clockMs += 25 * hour
      const [pruned] = await lifeboat.prune('shop', { apply: true })
      expect(pruned).toMatchObject({ retained: [], sweep: { retained: [] } })
      expect(await expectWhole(lifeboat)).toBe(1)
      expect((await files(path)).filter(name => name.endsWith('.gpg') || name.startsWith('change'))).toHaveLength(1)
    }
    expect(crashes).toBeGreaterThan(12)
  })
})

describe('a store that fails', { timeout }, () => {
  const refused = Object.assign(new Error('403 Forbidden'), { code: 'EACCES' })

  it('at any one step of a backup leaves a whole backup or nothing', async () => {
    for (let step = 0, reached = true; reached; step++) {
      const path = join(folder, `failing-${step}`)
      const inner = directory(path)
      reached = false
      const store = faulty(inner, ({ overall }) => {
        if (overall !== step) return
        reached = true
        throw refused
      })
      const lifeboat = await open(store)
      const status = await lifeboat.backup('shop').then(
        result => result.status,
        () => 'failed' as const,
      )
      const sound = await open(inner)
      expect(await expectWhole(sound)).toBe(status === 'failed' ? 0 : 1)
      clockMs += 25 * hour
      await sound.sweep('shop', { apply: true })
      const names = (await files(path)).filter(name => name.endsWith('.gpg'))
      expect(names).toHaveLength(status === 'failed' ? 0 : 1)
    }
  })
})
