import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { type Lifeboat, memoryStore, openLifeboat, type RestoreOptions, secret } from '../index.js'
import { bytesOf } from '../streams/byte-source.js'

const server = new URL(inject('postgres').url)
const urlOf = (database: string) => Object.assign(new URL(server), { pathname: `/${database}` }).href

async function query<T extends pg.QueryResultRow>(database: string, sql: string): Promise<T[]> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  try {
    const result = await client.query<T>(sql)
    return (Array.isArray(result) ? result.at(-1) : result).rows
  } finally {
    await client.end()
  }
}

const rich = `
  create schema sales; create schema "Odd.S";
  create type mood as enum ('ok', 'bad'); create type sales.kind as enum ('a', 'b'); create domain posint as int check (value > 0);
  create function new_code() returns text language sql as $$ select 'x' $$;
  create function is_good(t text) returns bool immutable language sql as $$ select true $$;
  create function trg() returns trigger language plpgsql as $$ begin new.note := 'fired'; return new; end $$;
  create sequence shared_seq;
  create table customers (id bigint generated always as identity primary key, name text not null check (is_good(name)), m mood default 'ok', ms mood[], p posint);
  create table sales.orders (id serial primary key, code text default new_code(), k sales.kind, customer_id bigint references customers(id),
    n int default nextval('shared_seq'), note text, total numeric generated always as (1.5) stored);
  comment on table sales.orders is 'orders of customers'; create index on sales.orders (is_good(code)); create statistics sales.st on id, customer_id from sales.orders;
  create trigger t before insert on sales.orders for each row execute function trg();
  create table sales.members (id int); alter table customers enable row level security;
  create policy mine on customers using (exists (select from sales.members where id = customers.id));
  create table events (at date not null, what text, primary key (at, what)) partition by range (at); create index on events (what);
  create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
  create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
  create table "Odd.S"."odd ""name"" 🚀.x" ("a b" serial primary key, "C" text);
  create table audit (what text); create rule noted as on update to sales.orders do also insert into audit values ('updated');
  create view grouped as select c.id, c.name, count(*) from customers c group by c.id;
  create view v as select o.id, c.name from sales.orders o join customers c on c.id = o.customer_id;
  create table unrelated (x int);
  insert into customers (name, m, ms, p) select 'name ' || i, 'bad', '{ok,bad}', i from generate_series(1, 500) i;
  alter table sales.orders disable trigger t;
  insert into sales.orders (k, customer_id, note) select 'a', 1 + i % 500, E'tab\\there \\\\.' from generate_series(1, 2000) i;
  alter table sales.orders enable trigger t;
  insert into events select date '2025-06-01' + i, 'day' from generate_series(0, 400) i;
  insert into "Odd.S"."odd ""name"" 🚀.x" ("C") select 'row ' || i from generate_series(1, 30) i;
  insert into unrelated values (1)`

/** Everything that a copy beside it must leave as it is. */
const liveState = `select c.oid::regclass::text as name, relfilenode, relhastriggers, relrowsecurity, xmin::text,
  (select count(*) from pg_constraint where conrelid = c.oid or confrelid = c.oid)::int as constraints
  from pg_class c where relnamespace in ('public'::regnamespace, 'sales'::regnamespace, '"Odd.S"'::regnamespace) order by 1`

describe('a part of a backup', () => {
  const store = memoryStore()
  let lifeboat: Lifeboat
  const databases: string[] = []
  const restore = (to: string, options: Omit<RestoreOptions, 'to'>) =>
    lifeboat.restore('shop/latest', { to: urlOf(to), ...options })
  /** The whole backup in a database of its own, to be damaged. */
  const live = async (name: string) => {
    databases.push(name)
    await query('postgres', `create database ${name} template part_live`)
    return name
  }
  const empty = async (name: string) => {
    databases.push(name)
    await query('postgres', `create database ${name}`)
    return name
  }

  beforeAll(async () => {
    await query('postgres', 'create database part_source')
    databases.push('part_source')
    await query('part_source', rich)
    lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value(urlOf('part_source')) },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { memory: { store } },
        },
      },
    })
    await lifeboat.backup('shop')
    databases.push('part_live')
    await restore('part_live', { create: true })
  })

  afterAll(async () => {
    for (const name of databases) await query('postgres', `drop database if exists ${name} with (force)`)
  })

  it('brings one dropped table back to a live database, and leaves the rest as it is', async () => {
    const database = await live('part_back')
    await query(database, "drop table sales.orders cascade; insert into customers (name) values ('since then')")
    const result = await restore(database, { tables: ['sales.orders'] })
    expect({ tables: result.tables, rows: result.rows }).toEqual({ tables: 1, rows: 2000 })
    expect(result.plan.part).toMatchObject({
      chosen: [{ kind: 'TABLE', schema: 'sales', name: 'orders' }],
      required: [],
      offered: [],
    })
    const reused = result.plan.part?.reused.map(one => one.name).sort()
    expect(reused).toEqual(['audit', 'customers', 'is_good(text)', 'kind', 'new_code()', 'shared_seq', 'trg()'])
    const [row] = await query(
      database,
      `insert into sales.orders (customer_id) values (1) returning id, code, note, total;
       select (select count(*) from customers)::int as customers, (select max(id) from sales.orders) as id,
         (select note from sales.orders where id = 2001) as fired, obj_description('sales.orders'::regclass) as comment,
         (select count(*) from pg_constraint where conrelid = 'sales.orders'::regclass and contype = 'f')::int as fks,
         (select count(*) from pg_indexes where tablename = 'orders')::int as indexes`,
    )
    expect(row).toEqual({
      ...{ customers: 501, id: 2001, fired: 'fired', comment: 'orders of customers', fks: 1, indexes: 2 },
    })
  })

  it('keeps the rows where a foreign key no longer fits the live database, and says so', async () => {
    const database = await live('part_fk')
    await query(database, 'drop table sales.orders cascade; delete from customers where id > 490')
    const warnings: string[] = []
    const onEvent: RestoreOptions['onEvent'] = event => {
      if (event.type === 'warning.raised') warnings.push(event.message)
    }
    expect((await restore(database, { tables: ['sales.orders'], onEvent })).rows).toBe(2000)
    expect(warnings.join()).toMatch(/left out: ALTER TABLE ONLY sales.orders ADD CONSTRAINT orders_customer_id_fkey/)
  })

  it('refuses what is in the way, replaces it when told to, and never with what depends on it', async () => {
    const database = await live('part_over')
    await query(database, 'delete from sales.orders where id > 10')
    const tables = ['sales.orders', 'public.v']
    await expect(restore(database, { tables })).rejects.toMatchObject({
      code: 'target-not-empty',
      message: expect.stringContaining('sales.orders, public.v already'),
    })
    await expect(restore(database, { tables: ['sales.orders'], overwrite: true })).rejects.toMatchObject({
      code: 'target-not-empty',
      message: expect.stringContaining('view v depends on table sales.orders'),
    })
    await restore(database, { tables, overwrite: true })
    expect(await query(database, 'select count(*)::int as n from v')).toEqual([{ n: 2000 }])
  })

  it('asks twice before it replaces a table of the source itself', async () => {
    await expect(restore('part_source', { tables: ['unrelated'], overwrite: true })).rejects.toMatchObject({
      code: 'target-is-source',
    })
    await restore('part_source', { tables: ['unrelated'], overwrite: true, overwriteSource: true })
  })

  it('makes a copy in a schema of its own, beside live tables that it does not touch', async () => {
    const database = await live('part_copy')
    await query(
      database,
      "update customers set name = 'changed' where id = 7; delete from sales.orders where id > 1990",
    )
    const before = await query(database, liveState)
    const tables = ['sales.*', 'public.customers', 'events', '"Odd.S".*', 'v', 'grouped']
    const result = await restore(database, { tables, intoSchema: 'Recovered "1"' })
    expect(result.rows).toBe(500 + 2000 + 401 + 30)
    expect(await query(database, liveState)).toEqual(before)
    const [copy] = await query(
      database,
      `set search_path = 'Recovered "1"';
       insert into orders (customer_id) values (1);
       insert into customers (name) values ('new');
       insert into "odd ""name"" 🚀.x" ("C") values ('new');
       select (select max(id) from orders) as orders, (select max(id)::int from customers) as customers, (select note from orders where id = 2001) as note,
         (select max("a b") from "odd ""name"" 🚀.x") as odd, (select count(*) from events_2026)::int as events, (select count(*) from v)::int as view, (select count(*) from grouped)::int as grouped, (select count(*) from pg_rules where schemaname = 'Recovered "1"')::int as rules,
         (select pg_get_serial_sequence('orders', 'id')) as seq, (select last_value from public.shared_seq)::int as shared,
         (select count(*) from pg_index i join pg_class c on c.oid = indrelid where relnamespace = '"Recovered ""1"""'::regnamespace)::int as indexes,
         (select count(*) from pg_inherits where inhrelid::regclass::text like '%events%' and inhparent::regclass::text = 'events')::int as attached,
         (select string_agg(tgname, ',') from pg_trigger where not tgisinternal and tgrelid = 'orders'::regclass) as triggers,
         (select confrelid::regclass::text from pg_constraint where conrelid = 'orders'::regclass and contype = 'f') as fk`,
    )
    expect(copy).toEqual({
      ...{
        orders: 2001,
        customers: 501,
        note: null,
        odd: 31,
        events: 187,
        view: 2001,
        shared: 2000,
        grouped: 501,
        rules: 0,
      },
      ...{ seq: '"Recovered ""1""".orders_id_seq', indexes: 10, attached: 2, triggers: null, fk: 'customers' },
    })
    // Rows compare and merge without casts: the types are the live ones.
    expect(
      await query(
        database,
        `insert into sales.orders (id, code, k, customer_id, n, note) select id, code, k, customer_id, n, note from "Recovered ""1""".orders o
           where not exists (select from sales.orders live where live.id = o.id);
         select (select count(*) from sales.orders)::int as orders, (select string_agg(c.name, '') from customers c join "Recovered ""1""".customers r using (id) where c.name <> r.name) as changed`,
      ),
    ).toEqual([{ orders: 2001, changed: 'changed' }])
  })

  it('moves types, functions and sequences into the copy where the database has none, in two steps if need be', async () => {
    const database = await empty('part_moved')
    const choice = { tables: ['sales.orders', 'customers'], intoSchema: 'copy' }
    await restore(database, { ...choice, only: 'schema' })
    expect((await restore(database, { ...choice, only: 'data' })).rows).toBe(2500)
    const [moved] = await query(
      database,
      `insert into copy.orders (customer_id) values (1);
       select (select string_agg(typname, ',' order by typname) from pg_type where typnamespace = 'copy'::regnamespace and typtype in ('e', 'd')) as types,
         (select string_agg(proname, ',' order by proname) from pg_proc where pronamespace = 'copy'::regnamespace) as functions,
         (select max(id) from copy.orders) as id, (select nspname from pg_namespace where nspname = 'sales') as sales`,
    )
    expect(moved).toEqual({ types: 'kind,mood,posint', functions: 'is_good,new_code', id: 2001, sales: null })
    await expect(restore(database, { ...choice, only: 'data' })).rejects.toMatchObject({ code: 'target-not-empty' })
  })

  it('loads rows into a copy that has its keys already, whatever the order of its tables', async () => {
    const database = await empty('part_keys')
    const choice = { tables: ['sales.orders', 'customers'], intoSchema: 'copy' }
    await restore(database, { ...choice, only: 'schema' })
    // Each table refers to the other now: no order of loading suits both.
    await query(database, 'alter table copy.customers add foreign key (id) references copy.orders (id)')
    expect((await restore(database, { ...choice, only: 'data' })).rows).toBe(2500)
  })

  it('wants a new or empty schema for a copy, and one of its own', async () => {
    const database = 'part_copy'
    const into = (intoSchema: string, more: Partial<RestoreOptions> = {}) =>
      restore(database, { tables: ['sales.orders'], intoSchema, ...more })
    await expect(into('sales')).rejects.toMatchObject({ code: 'selection-invalid' })
    await expect(into('public', { overwrite: true })).rejects.toMatchObject({ code: 'selection-invalid' })
    await expect(into('pg_temp')).rejects.toMatchObject({ code: 'selection-invalid' })
    await into('again')
    await expect(into('again')).rejects.toMatchObject({ code: 'target-not-empty' })
    await query(database, 'delete from again.orders; create table again.kept (x int)')
    await into('again', { overwrite: true })
    expect(
      await query(
        database,
        'select (select count(*) from again.orders)::int as n, (select count(*) from again.kept)::int as kept',
      ),
    ).toEqual([{ n: 2000, kept: 0 }])
  })

  it('drops a new schema again when its rows do not fit, and names what did not', async () => {
    const database = await live('part_failed')
    await query(database, `alter type mood rename value 'bad' to 'awful'`)
    await expect(restore(database, { tables: ['customers'], intoSchema: 'recovered' })).rejects.toMatchObject({
      message: expect.stringMatching(/invalid input value for enum.*"bad".*the new schema was dropped again/),
    })
    expect(await query(database, "select from pg_namespace where nspname = 'recovered'")).toEqual([])
  })

  it('brings along what a table needs, and the tables of its foreign keys when told to', async () => {
    const database = await empty('part_alone')
    const alone = await restore(database, { tables: ['sales.orders'] })
    expect(alone.plan.part?.required.map(one => one.name).sort()).toEqual([
      'is_good(text)',
      'kind',
      'new_code()',
      'sales',
      'shared_seq',
      'trg()',
    ])
    expect(alone.plan.part?.offered.map(one => one.name)).toEqual(['audit', 'customers'])
    expect(alone.plan.skipped).toEqual([
      { entry: 'RULE sales.orders noted', reason: 'it names TABLE public.audit, which is left out' },
      {
        entry: 'FK CONSTRAINT sales.orders orders_customer_id_fkey',
        reason: 'it names TABLE public.customers, which is left out',
      },
    ])
    const both = await empty('part_both')
    expect((await restore(both, { tables: ['sales.orders'], withReferenced: true })).rows).toBe(2500)
    expect(
      await query(
        both,
        "select relname from pg_class where relkind in ('r', 'p') and relnamespace in ('public'::regnamespace, 'sales'::regnamespace) order by 1",
      ),
    ).toEqual([{ relname: 'customers' }, { relname: 'orders' }])
  })

  it('takes one partition without its root, and a root with its partitions', async () => {
    const database = await empty('part_partition')
    expect((await restore(database, { tables: ['events_2026'] })).rows).toBe(187)
    expect(
      await query(database, "select relkind from pg_class where relname like 'events%' and relkind in ('r', 'p')"),
    ).toEqual([{ relkind: 'r' }])
    const root = await empty('part_root')
    expect((await restore(root, { tables: ['events'] })).rows).toBe(401)
  })

  it('restores definitions first and rows later, with triggers off', async () => {
    const database = await empty('part_two_steps')
    const definitions = await restore(database, { only: 'schema' })
    expect({ tables: definitions.tables, rows: definitions.rows }).toEqual({ tables: 0, rows: 0 })
    expect(
      await query(
        database,
        'select (select count(*) from sales.orders)::int as n, last_value::int as seq from sales.orders_id_seq',
      ),
    ).toEqual([{ n: 0, seq: 1 }])
    const rows = await restore(database, { only: 'data' })
    expect(rows.rows).toBe(500 + 2000 + 401 + 30 + 1)
    expect(
      await query(
        database,
        "select last_value::int as seq, (select count(*) from sales.orders where note = 'fired')::int as fired from sales.orders_id_seq",
      ),
    ).toEqual([{ seq: 2000, fired: 0 }])
    await expect(restore(database, { only: 'data', tables: ['customers'] })).rejects.toMatchObject({
      code: 'target-not-empty',
    })
    await query(database, 'truncate customers, sales.orders')
    const warnings: string[] = []
    const onEvent: RestoreOptions['onEvent'] = event => {
      if (event.type === 'warning.raised') warnings.push(event.message)
    }
    await restore(database, { only: 'data', tables: ['sales.orders'], onEvent })
    expect(warnings).toEqual(['2000 rows of sales.orders lack what their key orders_customer_id_fkey refers to'])
    await query(database, 'drop table unrelated')
    await expect(restore(database, { only: 'data', tables: ['unrelated'] })).rejects.toMatchObject({
      code: 'target-unfit',
    })
  })

  it('lists what it holds, and what a choice would bring along', async () => {
    const all = await lifeboat.contents('shop/latest')
    expect(all.tables).toContainEqual({
      ...{ kind: 'TABLE', schema: 'Odd.S', name: 'odd "name" 🚀.x', rows: 30, bytes: expect.any(Number) },
    })
    expect(all.tables).toContainEqual({ kind: 'VIEW', schema: 'public', name: 'v', rows: null, bytes: null })
    expect(all.kinds).toMatchObject({ TABLE: 9, VIEW: 2, TRIGGER: 1, 'FK CONSTRAINT': 1 })
    const one = await lifeboat.contents('shop/latest', { tables: ['sales.orders'] })
    expect(one.tables.map(table => table.name)).toEqual(['orders'])
    expect(one.required).toContainEqual({
      ...{ kind: 'TYPE', schema: 'sales', name: 'kind' },
      neededBy: { kind: 'TABLE', schema: 'sales', name: 'orders' },
    })
    expect(one.offered.map(table => table.name)).toEqual(['audit', 'customers'])
  })

  it('is what history and report tell of, from the records and manifests in the store', async () => {
    const { id } = await lifeboat.verify('shop/latest')
    expect(await lifeboat.history('shop')).toMatchObject([
      { kind: 'verification', product: 'shop', id, destination: 'memory', level: 'content', ok: true, rows: 2932 },
    ])
    const forged = {
      kind: 'verification',
      id,
      at: new Date().toISOString(),
      level: 'content',
      ok: true,
      storedSha256: [],
    }
    await store.put('shop/verifications/forged.json', bytesOf(JSON.stringify(forged)))
    expect(await lifeboat.history('shop')).toHaveLength(1)
    expect((await lifeboat.report()).products[0]?.findings.map(one => one.code)).toContain('records-refused')
    await store.remove('shop/verifications/forged.json')
    expect(await lifeboat.history('shop', { since: new Date(Date.now() + 1000) })).toEqual([])
    const { products, verdict } = await lifeboat.report()
    expect({ verdict, headline: products[0]?.headline }).toEqual({
      verdict: 'attention',
      headline: 'a restore was never rehearsed',
    })
    expect(products[0]?.destinations).toMatchObject([
      { name: 'memory', backups: 1, newest: { id, rows: 2932 }, proof: { level: 'content', ok: true } },
    ])
  })

  it('refuses a pattern that matches nothing, and two tables of one name in one schema', async () => {
    await expect(restore('part_alone', { tables: ['sales.order'] })).rejects.toMatchObject({
      code: 'selection-invalid',
    })
    await query('part_source', 'create table sales.unrelated (x int)')
    await lifeboat.backup('shop')
    await expect(restore('part_alone', { tables: ['unrelated'], intoSchema: 'two' })).rejects.toMatchObject({
      message: 'public.unrelated and sales.unrelated would have one name in the schema two',
    })
  })
})
