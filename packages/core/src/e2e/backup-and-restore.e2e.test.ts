import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { directory, type Lifeboat, memoryStore, openLifeboat, secret } from '../index.js'

const server = new URL(inject('postgres').url)
const urlOf = (database: string) => Object.assign(new URL(server), { pathname: `/${database}` }).href

async function query(database: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}

describe('a backup and its restore', () => {
  let folder: string
  let lifeboat: Lifeboat

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-e2e-'))
    await query('postgres', 'create database e2e_shop')
    await query(
      'e2e_shop',
      `
      create type mood as enum ('ok', 'bad');
      create table customers (id bigint generated always as identity primary key, name text not null, mood mood default 'ok', doc jsonb);
      create table orders (id serial primary key, customer_id bigint references customers(id), note text, total numeric generated always as (1.5) stored);
      create table events (at date not null, what text) partition by range (at);
      create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
      create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
      create table "odd ""name"" 🚀" ("a b" text);
      create index on orders (customer_id);
      create materialized view totals as select count(*) from customers;
      alter table customers enable row level security;
      create policy mine on customers for select using (name = current_user);
      insert into customers (name, doc) select E'name\\n\\\\.\\t' || i, '{"a": "\\\\n"}' from generate_series(1, 20000) i;
      insert into orders (customer_id, note) select 1 + i % 20000, repeat('x', i % 100) from generate_series(1, 30000) i;
      insert into events select date '2025-06-01' + i, 'day ' || i from generate_series(0, 400) i;
      insert into "odd ""name"" 🚀" values (null), (''), (E'\\\\.'), ('☃');
      select lo_from_bytea(0, decode(repeat('deadbeef', 50000), 'hex'));
    `,
    )
    lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value(urlOf('e2e_shop')) },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { local: { store: directory(join(folder, 'store')) }, memory: { store: memoryStore() } },
          verify: { criticalTables: ['customers', 'orders', 'events'] },
        },
      },
    })
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    for (const name of ['e2e_shop', 'e2e_shop_restored'])
      await query('postgres', `drop database if exists ${name} with (force)`)
  })

  it('stores one dump everywhere, verifies it, and restores it with equal counts', async () => {
    const result = await lifeboat.backup('shop', { reason: 'test', labels: { commit: 'abc' } })
    expect(result.status).toBe('complete')
    expect(result.destinations.map(one => one.outcome)).toEqual(['stored', 'stored'])
    const customers = result.manifest.tables?.find(table => table.name === 'customers')
    expect(customers).toMatchObject({ rows: 20_000, snapshotRows: 20_000 })
    expect(
      result.manifest.tables?.filter(table => table.name.startsWith('events_')).map(table => table.snapshotRows),
    ).toEqual([214, 187])

    for (const destination of ['local', 'memory']) {
      for (const level of ['listed', 'stored', 'content'] as const) {
        const report = await lifeboat.verify('latest', { level, destination })
        expect(report.findings).toEqual([])
        expect(report.ok).toBe(true)
      }
    }

    const tables: string[] = []
    const progress: { doneBytes: number; totalBytes: number | null; detail?: string | undefined }[] = []
    const restored = await lifeboat.restore('latest', {
      ...{ to: urlOf('e2e_shop_restored'), create: true },
      onEvent: event => {
        if (event.type === 'table.restored') tables.push(event.name)
        if (event.type === 'stage.progressed' && event.stage === 'restore') progress.push(event)
      },
    })
    const all = result.manifest.tables!
    expect(tables.sort()).toEqual(all.map(table => table.name).sort())
    const { plainBytes } = result.manifest.artifacts[0]!
    expect(progress.at(-1)).toMatchObject({ doneBytes: plainBytes, totalBytes: plainBytes })
    expect(progress.at(-1)?.detail).toMatch(new RegExp(`^\\d+ of ${all.length} tables$`))
    expect(restored.rows).toBe(result.manifest.tables?.reduce((sum, table) => sum + table.rows, 0))
    const again = await query(
      'e2e_shop_restored',
      'select (select last_value from orders_id_seq) as seq, (select count(*) from pg_policies)::int as policies, (select count from totals)::int as totals, (select length(lo_get(oid)) from pg_largeobject_metadata) as lo',
    )
    expect(again.rows[0]).toEqual({ seq: '30000', policies: 1, totals: 20_000, lo: 200_000 })
  })

  it('overwrites what the backup names when told to, and leaves the rest', async () => {
    await query('e2e_shop_restored', 'delete from orders; create table kept (id int); insert into kept values (1)')
    await lifeboat.restore('latest', { to: urlOf('e2e_shop_restored'), overwrite: true })
    const counts = await query(
      'e2e_shop_restored',
      'select (select count(*) from orders)::int as orders, (select count(*) from kept)::int as kept',
    )
    expect(counts.rows[0]).toEqual({ orders: 30_000, kept: 1 })
  })

  it('leaves nothing behind when the dump fails half-way', async () => {
    const before = await readdir(join(folder, 'store'), { recursive: true })
    const stop = new AbortController()
    const cancelled = lifeboat.backup('shop', {
      signal: stop.signal,
      onEvent: event => event.type === 'stage.progressed' && stop.abort(),
    })
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    const files = async () =>
      (await readdir(join(folder, 'store'), { recursive: true })).filter(
        name => name.includes('.gpg') || name.includes('.json'),
      )
    expect(await files()).toEqual(before.filter(name => name.includes('.gpg') || name.includes('.json')))
  })
})
