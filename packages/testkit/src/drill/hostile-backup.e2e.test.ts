import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Lifeboat } from '../../../core/src/index.js'
import { secret } from '../../../core/src/index.js'
import type {} from '../provided-postgres.js'
import { databaseUrl, openShop, query } from './drill-shop.js'

const server = inject('postgres').url

/*
 * A source whose own code calls out whenever it can: from an event trigger, a row trigger, a constraint, an index
 * expression, a generated column, a materialized view. Somebody listens; in a drill they must hear nothing.
 */
describe('a drill of a backup whose code calls out', () => {
  let listener: Server
  let calls = 0
  let source: string
  let lifeboat: Lifeboat
  let extensions: string[]

  beforeAll(async () => {
    listener = createServer(socket => {
      calls += 1
      socket.destroy()
    })
    await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
    const { port } = listener.address() as { port: number }
    await query(databaseUrl(server, 'postgres'), 'drop database if exists hostile_shop with (force)')
    await query(databaseUrl(server, 'postgres'), 'create database hostile_shop')
    source = databaseUrl(server, 'hostile_shop')
    const available = await query<{ name: string }>(
      source,
      `select name from pg_available_extensions where name in ('dblink', 'postgres_fdw') order by 1`,
    )
    extensions = available.map(one => one.name)
    for (const name of extensions) await query(source, `create extension ${name}`)
    const program = `bash -c "exec 3<>/dev/tcp/127.0.0.1/${port}"`
    const dial = `
      begin
        execute 'copy (select 1) to program ' || quote_literal('${program}');
      exception when others then null;
      end;
      begin
        execute 'select public.dblink_connect(' || quote_literal('host=127.0.0.1 port=${port} user=x password=y dbname=z connect_timeout=2') || ')';
      exception when others then null;
      end;`
    const body = (name: string, answer: string, calls: string) =>
      `create or replace function ${name}(int) returns ${answer === 'true' ? 'boolean' : 'int'} language plpgsql immutable as $f$ begin ${calls} return ${answer}; end $f$`
    const quiet = (name: string, answer: string) => body(name, answer, '')
    // Not immutable itself, as what reaches outward must not be.
    const calling = (name: string, answer: string) => body(name, answer, 'perform public.dial();')
    await query(
      source,
      `create function dial() returns void language plpgsql as $f$ begin ${dial} end $f$`,
      ...[quiet('holds', 'true'), quiet('sorted', '1'), quiet('made', '2'), quiet('viewed', '3')],
      'create table victims (id int primary key, note text, check (holds(id)), twice int generated always as (made(id)) stored)',
      'create table untouched (id int primary key)',
      'insert into untouched values (1)',
      `insert into victims select i, 'note ' || i from generate_series(1, 20) i`,
      'create index victims_sorted on victims (sorted(id))',
      'create materialized view seen as select viewed(id) from untouched',
      ...[calling('holds', 'true'), calling('sorted', '1'), calling('made', '2'), calling('viewed', '3')],
      `create function on_row() returns trigger language plpgsql security definer as $f$ begin perform public.dial(); return new; end $f$`,
      'create trigger spy before insert or update on victims for each row execute function on_row()',
      'alter table victims enable always trigger spy',
      // Silent while rows are put in: it is heard by itself, without a constraint that calls out, too.
      'create trigger spy after update on untouched for each statement execute function on_row()',
      'alter table untouched enable always trigger spy',
      'create publication outgoing for all tables',
      `create subscription incoming connection 'host=127.0.0.1 port=${port} user=x dbname=z' publication p with (connect = false)`,
      ...(extensions.includes('postgres_fdw')
        ? [
            `create server elsewhere foreign data wrapper postgres_fdw options (host '127.0.0.1', port '${port}', dbname 'z')`,
            `create user mapping for public server elsewhere options (user 'x', password 'y')`,
            `create foreign table far_away (id int) server elsewhere options (table_name 't')`,
            'create view from_far as select * from far_away',
          ]
        : []),
      `create function on_ddl() returns event_trigger language plpgsql as $f$ begin perform public.dial(); end $f$`,
      'create event trigger watching on ddl_command_end execute function on_ddl()',
    )
    await query(source, 'set session_replication_role = origin', `insert into victims values (1000, 'control')`)
    lifeboat = await openShop(source)
    await lifeboat.backup('shop')
  })
  afterAll(async () => {
    listener?.close()
    await query(
      source,
      'alter subscription incoming disable',
      'alter subscription incoming set (slot_name = none)',
      'drop subscription incoming',
    ).catch(() => {})
    await query(databaseUrl(server, 'postgres'), 'drop database if exists hostile_shop with (force)')
  })

  it.each([
    ...['holds', 'sorted', 'made', 'viewed'].map(name => [`the function ${name}`, `select ${name}(1)`] as const),
    ['a row trigger', 'update untouched set id = id'] as const,
    ['an event trigger', `comment on table untouched is 'touched'`] as const,
  ])('is heard from %s on the source, so that silence means something', async (_, sql) => {
    const before = calls
    await query(source, sql)
    for (let tries = 0; tries < 100 && calls === before; tries++) await sleep(20)
    expect(calls).toBeGreaterThan(before)
  })

  it('is silent on a server of its own, and says what it left out', async () => {
    await sleep(100)
    const before = calls
    const report = await lifeboat.drill('shop/latest')
    expect(report.ok).toBe(true)
    await sleep(200)
    expect(calls - before).toBe(0)
    expect(report.findings).toEqual([])
    expect(report.record.proof).toMatchObject({ tables: 2, rows: 22, differences: 0 })
    const left = report.record.leftOut.map(one => `${one.entry}: ${one.reason}`)
    expect(left).toEqual(
      expect.arrayContaining([
        'EVENT TRIGGER watching: it would run while the drill restores',
        'PUBLICATION outgoing: nobody subscribes to a drill',
        'SUBSCRIPTION incoming: it would connect to its publisher',
        ...extensions.map(name => `EXTENSION ${name}: it reaches outward or starts jobs by itself`),
      ]),
    )
    if (extensions.includes('postgres_fdw'))
      expect(left).toEqual(
        expect.arrayContaining([
          expect.stringContaining('SERVER elsewhere: it leads to another server'),
          expect.stringMatching(/^USER MAPPING .*elsewhere: it holds a login of another server$/),
          'FOREIGN TABLE public.far_away: it needs SERVER elsewhere, which is left out',
          'VIEW public.from_far: it needs FOREIGN TABLE public.far_away, which is left out',
        ]),
      )
  })

  it('is silent on a configured server whose superuser we are given', async () => {
    const before = calls
    const configured = await openShop(source, {
      drill: { url: secret.value(server), allowSourceServer: new URL(server).host },
    })
    await configured.backup('shop')
    await sleep(100)
    const quietSince = calls
    const report = await configured.drill('shop/latest')
    await sleep(200)
    expect(calls - quietSince).toBe(0)
    expect(before).toBeGreaterThan(0)
    expect(report.ok).toBe(true)
  })
})
