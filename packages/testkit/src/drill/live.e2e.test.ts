import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { memoryStore, type ObjectStore, secret, verificationLogMigration } from '../../../core/src/index.js'
import { runQueries } from '../../../core/src/live/run-queries.js'
import { parseConnectionUrl } from '../../../core/src/postgres/connection-target.js'
import { readRecords } from '../../../core/src/repository/verification-record.js'
import { writeLog } from '../../../core/src/verification-log/write-log.js'
import type {} from '../provided-postgres.js'
import { databaseUrl, makeDrillShop, openShop, query } from './drill-shop.js'

const server = inject('postgres').url

describe('checks against the live database', () => {
  let source: string
  let store: ObjectStore
  const open = (more: Parameters<typeof openShop>[1] = {}) =>
    openShop(source, { destinations: { local: { store } }, ...more })

  beforeAll(async () => {
    source = await makeDrillShop(server, 'live_shop')
    store = memoryStore()
    const lifeboat = await open({ verify: { criticalTables: ['orders', 'events'] } })
    await lifeboat.backup('shop')
  })
  afterAll(() => query(databaseUrl(server, 'postgres'), 'drop database if exists live_shop with (force)'))

  it('finds nothing while nothing has changed, and says what it looked at', async () => {
    const lifeboat = await open({
      verify: {
        criticalTables: ['orders', 'events'],
        rowTolerance: 0,
        functions: ['order_total'],
        policies: { atLeast: 2 },
        queries: [{ name: 'orders', sql: 'select count(*) from orders', expect: 36_000 }],
      },
    })
    const report = await lifeboat.verify('shop/latest', { live: true })
    expect(report).toMatchObject({ ok: true, live: true, findings: [] })
    expect(report.checks).toContainEqual({
      name: 'live rows of events',
      ok: true,
      detail: '30000 rows now, 30000 in the backup',
    })
    expect(report.checks.map(one => one.name)).toEqual([
      ...['database is there', 'content of database', 'function order_total', 'seal', 'size', 'critical table orders'],
      ...[
        'critical table events',
        'policies',
        'age, rows and usual size',
        'live critical table orders',
        'live critical table events',
      ],
      ...[
        'live function order_total',
        'live policies',
        'live rows of orders',
        'live rows of events',
        'live query orders',
      ],
      ...['functions', 'policies', 'extensions', 'indexes', 'triggers'].map(kind => `live ${kind} by name`),
    ])
    expect(report.checks).toContainEqual({ name: 'live triggers by name', ok: true, detail: '1 now, 1 in the backup' })
    expect(await (await open()).diff('shop/latest')).toMatchObject({ differences: [], definitionsCompared: true })
  })

  it('judges rows by the tolerance of their table, large tables by an estimate, and none of it against the backup', async () => {
    await query(
      source,
      'delete from order_lines where order_id % 5 = 0',
      'delete from sessions where customer_id % 2 = 0',
      'delete from bookings where id % 4 = 0',
      // What the planner knows of these two is what an estimate says.
      'analyze order_lines',
      'analyze sessions',
    )
    const verify = {
      criticalTables: ['order_lines', 'sessions', 'bookings', 'vanished'],
      rowTolerance: { default: 0.1, tables: { 'public.order_lines': 0.25 } },
      countUpTo: '64KB',
      functions: ['no_such'],
      queries: [
        { name: 'lines', sql: 'select count(*) from order_lines', expect: { min: 60_000, max: 70_000 } },
        { name: 'few lines', sql: 'select count(*) from order_lines', expect: { max: 10 } },
        { name: 'lines to the letter', sql: 'select count(*) from order_lines', expect: 57_601 },
        { name: 'which lines', sql: 'select order_id from order_lines limit 2', expect: 2 },
        { name: 'writes', sql: 'delete from documents', expect: 'no rows' as const },
        { name: 'sleeps', sql: 'select pg_sleep(60)', expect: 'no rows' as const, timeout: '50ms' },
        { name: 'itself', sql: 'select 1', expect: 'equal to source' as const },
      ],
    }
    const report = await (await open({ verify })).verify('shop/latest', { live: true, level: 'listed' })
    expect(
      report.findings.filter(one => one.code.startsWith('live') || one.code.startsWith('rows')).map(one => one.message),
    ).toEqual([
      'the critical table vanished is not in the live database',
      'the function no_such is not in the live database',
      "sessions has 2000 rows now (the planner's estimate), 4000 in the backup: 50 % off, more than 10 %",
      'bookings has 150 rows now, 200 in the backup: 25 % off, more than 10 %',
      '"lines" on the live data: 57600, expected at least 60000 and at most 70000',
      '"few lines" on the live data: 57600, expected at most 10',
      '"lines to the letter" on the live data: 57600, expected 57601',
      '"which lines" on the live data: expected one number, got 2 rows',
      expect.stringMatching(/the query "writes" failed on the live data: .*read-only transaction/),
      expect.stringMatching(/the query "sleeps" failed on the live data: .*statement timeout/),
    ])
    const rows = report.checks.filter(one => one.name.startsWith('live rows of'))
    expect(rows.map(({ ok, detail }) => [ok, detail])).toEqual([
      [true, "57600 rows now (the planner's estimate), 72000 in the backup"],
      [false, "2000 rows now (the planner's estimate), 4000 in the backup"],
      [false, '150 rows now, 200 in the backup'],
    ])
    const records = () => readRecords(store, { product: 'shop', destination: 'local' })
    const onlyLive = { ...verify, criticalTables: ['sessions'], functions: [] }
    expect(await (await open({ verify: onlyLive })).verify('shop/latest', { live: true })).toMatchObject({ ok: false })
    expect((await records()).at(-1)).toMatchObject({ live: true, level: 'content', ok: true })
  })

  it('asks a source that does not answer once, and holds nothing against the data', async () => {
    const same = { sql: 'select 1', expect: 'equal to source' as const }
    const nowhere = parseConnectionUrl('postgres://nobody@127.0.0.1:1/nowhere')
    const places = { target: parseConnectionUrl(source), source: nowhere, code: 'query-unexpected', where: 'the data' }
    const done = await runQueries(
      [
        { name: 'one', ...same },
        { name: 'two', ...same },
      ],
      places,
    )
    expect(done.map(({ ok, findings }) => [ok, findings.map(one => [one.severity, one.code, one.message])])).toEqual(
      ['one', 'two'].map(name => [
        true,
        [
          [
            ...['warning', 'query-not-compared'],
            expect.stringMatching(
              `^the query "${name}" was not compared with the source: cannot reach 127.0.0.1:1/nowhere`,
            ),
          ],
        ],
      ]),
    )
    const dead = await openShop('postgres://nobody@127.0.0.1:1/nowhere', { destinations: { local: { store } } })
    const report = await dead.verify('shop/latest', { live: true })
    expect(report.findings.map(one => [one.severity, one.code, one.message])).toEqual([
      [
        'critical',
        'live-unreachable',
        expect.stringMatching(/^the live database .* cannot reach 127.0.0.1:1\/nowhere/),
      ],
    ])
    expect(report.checks).toContainEqual(expect.objectContaining({ name: 'content of database', ok: true }))
    expect((await readRecords(store, { product: 'shop', destination: 'local' })).at(-1)).toMatchObject({ ok: true })
    await expect(dead.drill('shop/latest', { destination: 'elsewhere' })).rejects.toMatchObject({
      code: 'config-invalid',
      message: 'shop has no destination "elsewhere"',
      hint: 'configured: local',
    })
  })

  it('lists what differs between the definitions of backup and database', async () => {
    await query(
      source,
      ...[
        'drop policy no_deletes on sessions',
        'drop index order_lines_product',
        'alter table products add column weight int',
      ],
      ...['create extension if not exists pg_trgm', 'create table newcomers (id int)'],
      'drop trigger note_status_change on orders',
      'drop procedure retire_product(integer)',
    )
    const report = await (await open()).verify('shop/latest', { live: true })
    expect(report.findings.map(one => `${one.severity} ${one.code} ${one.message}`)).toEqual([
      ...[
        'functions of the backup are not in the live database: PROCEDURE public.retire_product(integer)',
        'policies of the backup are not in the live database: POLICY public.sessions no_deletes',
        'extensions of the live database are not in the backup: EXTENSION pg_trgm',
        'indexes of the backup are not in the live database: INDEX public.order_lines_product',
        'triggers of the backup are not in the live database: TRIGGER public.orders note_status_change',
      ].map(message =>
        message.includes('pg_trgm')
          ? `info live-definition-added ${message}`
          : `warning live-definition-missing ${message}`,
      ),
    ])
    const { differences } = await (await open()).diff('shop/latest')
    expect(differences.map(({ kind, entry }) => `${kind} ${entry}`).sort()).toEqual([
      'added COMMENT on EXTENSION pg_trgm',
      'added EXTENSION pg_trgm',
      'added TABLE public.newcomers',
      'changed TABLE public.products',
      'missing COMMENT on TRIGGER note_status_change ON orders in public',
      'missing INDEX public.order_lines_product',
      'missing POLICY public.sessions no_deletes',
      'missing PROCEDURE public.retire_product(integer)',
      'missing TRIGGER public.orders note_status_change',
    ])
  })

  it('refuses to mix a drill with the live database', async () => {
    const mixed = (await open()).verify('shop/latest', { level: 'restored', live: true })
    await expect(mixed).rejects.toMatchObject({ code: 'config-invalid' })
  })
})

describe('the verification log', () => {
  let source: string
  beforeAll(async () => {
    source = databaseUrl(server, 'log_shop')
    await query(databaseUrl(server, 'postgres'), 'drop database if exists log_shop with (force)')
    await query(databaseUrl(server, 'postgres'), 'create database log_shop')
    await query(source, 'create table orders (id int)', 'insert into orders values (1)')
  })
  afterAll(() => query(databaseUrl(server, 'postgres'), 'drop database if exists log_shop with (force)'))

  it('gets a row for each verification once its table is made, and loses the old ones when asked', async () => {
    const warnings: string[] = []
    const onEvent = (event: { type: string; message?: string }) => {
      if (event.type === 'warning.raised') warnings.push(event.message ?? '')
    }
    const lifeboat = await openShop(source, {
      verify: { criticalTables: ['orders'], log: { url: secret.value(source), pruneAfter: '90d' } },
    })
    await lifeboat.backup('shop')
    expect(await lifeboat.verify('shop/latest', { onEvent })).toMatchObject({ ok: true })
    expect(warnings).toEqual([expect.stringContaining('no row was written into backup_verification_log')])

    await lifeboat.migrateLog('shop')
    await lifeboat.migrateLog('shop')
    expect(verificationLogMigration).toContain('backup_verification_log')
    await query(
      source,
      `insert into backup_verification_log (verified_at, backup_id, backup_age_hours, backup_size_mb, status, checks_passed, checks_failed)
       select now() - make_interval(days => d), 'shop/old', 1, 1, 'success', 1, 0 from unnest(array[89, 91]) d`,
    )
    await lifeboat.verify('shop/latest')
    const strict = await openShop(source, {
      destinations: { local: { store: memoryStore() } },
      verify: { criticalTables: ['orders', 'nowhere'], log: {} },
    })
    const { id } = await strict.backup('shop')
    await strict.verify('shop/latest')
    const rows = await query(source, 'select * from backup_verification_log order by verified_at')
    expect(rows).toEqual([
      expect.objectContaining({ backup_id: 'shop/old' }),
      expect.objectContaining({
        status: 'success',
        checks_passed: 6,
        checks_failed: 0,
        error_details: null,
        backup_age_hours: 0,
      }),
      expect.objectContaining({
        ...{ backup_id: `shop/${id}`, status: 'failure', checks_passed: 6, checks_failed: 1 },
        error_details: {
          ...{ kind: 'verification', level: 'content' },
          findings: [expect.objectContaining({ code: 'critical-table-missing' })],
        },
      }),
    ])
    const columns = await query<{ column: string }>(
      source,
      `select column_name || ' ' || data_type as column from information_schema.columns
        where table_name = 'backup_verification_log' order by ordinal_position`,
    )
    expect(columns.map(one => one.column)).toEqual([
      ...['id uuid', 'verified_at timestamp with time zone', 'backup_id text', 'backup_age_hours integer'],
      ...['backup_size_mb integer', 'status text', 'checks_passed integer', 'checks_failed integer'],
      ...['error_details jsonb', 'created_at timestamp with time zone'],
    ])
    const bad = "update backup_verification_log set status = 'fine'"
    await expect(query(source, bad)).rejects.toThrow(/violates check constraint/)
  })

  it('loses only old rows of its own product, by the clock of the database', async () => {
    await query(
      source,
      `insert into backup_verification_log (verified_at, backup_id, backup_age_hours, backup_size_mb, status, checks_passed, checks_failed)
       select now() - make_interval(days => d), id, 1, 1, 'success', 1, 0
         from (values (89, 'shop/kept'), (91, 'shop/gone'), (91, 'blog/kept'), (91, 'shop-two/kept')) v (d, id)`,
    )
    // Of a machine whose clock is ten years ahead.
    const at = new Date(Date.now() + 3_650 * 86_400_000).toISOString()
    const row = { verified_at: at, backup_id: 'shop/ahead', backup_age_hours: 0, backup_size_mb: 0 }
    await writeLog(
      parseConnectionUrl(source),
      { ...row, status: 'success', checks_passed: 1, checks_failed: 0, error_details: null },
      { pruneAfterMs: 90 * 86_400_000 },
    )
    const left = await query<{ id: string }>(
      source,
      "select backup_id as id from backup_verification_log where backup_id ~ '(kept|gone)$' order by 1",
    )
    expect(left.map(({ id }) => id)).toEqual(['blog/kept', 'shop-two/kept', 'shop/kept'])
  })
})
