import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { recordHealthy } from '../../../testkit/src/faults/fault-results.js'
import type {} from '../../../testkit/src/provided-postgres.js'
import { directory, generateKeyPair, nodeDeps, openLifeboat, secret } from '../index.js'

const server = new URL(inject('postgres').url)
const urlOf = (database: string) => Object.assign(new URL(server), { pathname: `/${database}` }).href

const backups = 50
/** Enough that what is written meanwhile does not double the backup, which verify would rightly remark on. */
const accounts = 5_000
const tables = ['branches', 'tellers', 'accounts', 'history']

/** Money that moves is never lost: every transaction adds one amount to an account, a teller, a branch and the history. */
const invariant = `select (select sum(balance) from accounts)::bigint as accounts, (select sum(balance) from tellers)::bigint as tellers,
  (select sum(balance) from branches)::bigint as branches, (select coalesce(sum(delta), 0) from history)::bigint as history`

async function query(database: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

/** A writer as pgbench's TPC-B-like script is one; besides, history loses its oldest rows, so that counts go up and down. */
async function write(stop: AbortSignal, seed: number): Promise<number> {
  const client = new pg.Client(urlOf('wolf_bank'))
  await client.connect()
  let transactions = 0
  try {
    for (let n = seed; !stop.aborted; n += 7) {
      const delta = ((n * 7919) % 10_000) - 5_000
      await client.query('begin')
      await client.query('update accounts set balance = balance + $1 where id = $2', [delta, 1 + (n % accounts)])
      await client.query('update tellers set balance = balance + $1 where id = $2', [delta, 1 + (n % 10)])
      await client.query('update branches set balance = balance + $1 where id = 1', [delta])
      await client.query('insert into history (account, delta) values ($1, $2)', [1 + (n % accounts), delta])
      if (n % 5 === 0)
        await client.query('insert into history (account, delta) values ($1, 0), ($1, 0)', [n % accounts])
      if (n % 3 === 0)
        await client.query('delete from history where ctid in (select ctid from history where delta = 0 limit 2)')
      await client.query('commit')
      transactions++
      await sleep(10)
    }
  } finally {
    await client.end()
  }
  return transactions
}

describe('backups of a database that is written to', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-wolf-'))
    await query('postgres', 'create database wolf_bank')
    await query(
      'wolf_bank',
      `create table branches (id int primary key, balance bigint not null default 0);
       create table tellers (id int primary key, balance bigint not null default 0);
       create table accounts (id int primary key, balance bigint not null default 0, filler text default md5(random()::text));
       create table history (at timestamptz default now(), account int, delta bigint);
       insert into branches values (1, 0); insert into tellers (id) select generate_series(1, 10);
       insert into accounts (id) select generate_series(1, ${accounts})`,
    )
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    for (const name of ['wolf_bank', 'wolf_again'])
      await query('postgres', `drop database if exists ${name} with (force)`)
  })

  it(`${backups} in a row verify clean against what the server counted in their own snapshots`, async () => {
    // Keys, because a passphrase is slow on purpose; and the tools are looked for once.
    const pair = await generateKeyPair({ name: 'bank' })
    await writeFile(join(folder, 'public.asc'), pair.publicKey)
    await writeFile(join(folder, 'private.asc'), pair.privateKey)
    const tools = await nodeDeps().findPgTools()
    const encryption = { recipients: ['public.asc'], privateKey: 'private.asc', signingKey: 'private.asc' }
    const lifeboat = await openLifeboat(
      {
        products: {
          bank: {
            source: { url: secret.value(urlOf('wolf_bank')) },
            encryption,
            destinations: { local: { store: directory(join(folder, 'store')) } },
            verify: { criticalTables: tables },
          },
        },
      },
      { configFolder: folder, deps: { findPgTools: async () => tools } },
    )
    const stop = new AbortController()
    const writing = Promise.all([1, 2, 3, 4].map(seed => write(stop.signal, seed)))
    writing.catch(() => {})
    const historyRows = new Set<number>()
    const alarms: unknown[] = []
    try {
      for (let n = 0; n < backups; n++) {
        const { id, manifest } = await lifeboat.backup('bank')
        for (const table of tables) {
          const record = manifest.tables?.find(one => one.name === table)
          expect(record?.snapshotRows, table).toBe(record?.rows)
        }
        historyRows.add(manifest.tables!.find(one => one.name === 'history')!.rows)
        alarms.push(...(await lifeboat.verify(`bank/${id}`)).findings)
      }
    } finally {
      stop.abort()
      await writing.catch(() => {})
    }
    const falseAlarms = alarms.length
    recordHealthy({ healthy: 'four writers as pgbench has them', level: 'content', checks: backups, falseAlarms })
    expect(alarms).toEqual([])
    const transactions = (await writing).reduce((sum, one) => sum + one)
    // Otherwise this was a quiet database, and nothing was shown.
    expect(transactions).toBeGreaterThan(backups * 10)
    expect(historyRows.size).toBeGreaterThan(backups / 2)

    await lifeboat.restore('bank/latest', { to: urlOf('wolf_again'), create: true })
    const { rows } = await query('wolf_again', invariant)
    expect(new Set(Object.values(rows[0])).size, JSON.stringify(rows[0])).toBe(1)
  })
})
