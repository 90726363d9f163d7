import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { faulty } from '../../../testkit/src/faulty-store.js'
import type {} from '../../../testkit/src/provided-postgres.js'
import { directory, type Lifeboat, type ObjectStore, openLifeboat, secret } from '../index.js'

/*
 * A store that fails at any one step of a backup. What a SIGKILL leaves is tested with real ones, before every change of a
 * store's folder: packages/testkit/src/faults/killed.e2e.test.ts.
 */

const server = new URL(inject('postgres').url)
const url = Object.assign(new URL(server), { pathname: '/failing_shop' }).href
const hour = 3_600_000
const leaseMs = 600_000
/** Virtual time: every failure is followed by its own day. */
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

async function files(path: string): Promise<string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true })
  return found.filter(one => one.isFile()).map(one => one.name)
}

/** What must hold after any failure: every backup that is listed is whole. */
async function expectWhole(lifeboat: Lifeboat): Promise<number> {
  const { backups, unreadable } = await lifeboat.list()
  expect(unreadable).toEqual([])
  for (const { id } of backups) expect(await lifeboat.verify(`shop/${id}`)).toMatchObject({ ok: true, findings: [] })
  return backups.length
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-failing-'))
  await query('postgres', 'create database failing_shop')
  // Noise does not compress: several chunks reach the store.
  await query(
    'failing_shop',
    "create table orders as select g as id, string_agg(md5(g || ':' || r), '') as note from generate_series(1, 120) g, generate_series(1, 300) r group by g",
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

// A step takes seconds on a slow machine, and there are some dozens of them.
const timeout = 1_200_000

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
