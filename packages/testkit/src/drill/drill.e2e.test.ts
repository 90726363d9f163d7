import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lockKey, lockSpace } from '../../../core/src/drill/scratch-database.js'
import type { DrillReport, Lifeboat, ObjectStore } from '../../../core/src/index.js'
import { memoryStore, secret } from '../../../core/src/index.js'
import { findPgTools } from '../../../core/src/postgres/find-pg-tools.js'
import { readRecords } from '../../../core/src/repository/verification-record.js'
import { ensurePgClient, type ScratchServer, startScratchServer } from '../postgres.js'
import { makeDrillShop, openShop, pgbenchScale, pgbenchTables, query } from './drill-shop.js'
import { jobsAndRequests, leftOfExtensions, makeExtensions } from './outward-extensions.js'

const namesLeft = `select datname from pg_database where datname ~ '^lifeboat' union select rolname from pg_roles where rolname ~ '^lifeboat'`
const place = { product: 'shop', destination: 'local' }

describe('a drill of the demo shop', () => {
  /** Not the one that other files share: their drills are on it, too, and sweep it. */
  let scratch: ScratchServer
  let server: string
  let source: string
  let store: ObjectStore
  let lifeboat: Lifeboat
  const open = (more: Parameters<typeof openShop>[1] = {}) =>
    openShop(source, { destinations: { local: { store } }, ...more })

  beforeAll(async () => {
    scratch = await startScratchServer()
    server = scratch.url()
    source = await makeDrillShop(server, 'drill_shop')
    await query(
      source,
      ...pgbenchTables(pgbenchScale),
      // PostgreSQL writes this otherwise once it was restored: `IN` over a varchar.
      `create table tickets (id int primary key, state varchar(10) check (state in ('new', 'done')))`,
      `insert into tickets values (1, 'new'), (2, 'done')`,
      `comment on database drill_shop is 'not restored: it has another name'`,
      // Several owners, grants between them, an owner without rights, and rights of what is made later.
      ...['drill_owner', 'drill_clerk', 'drill_reader'].map(role => `create role ${role}`),
      'create schema depot authorization drill_owner',
      'create table depot.shelves (id serial primary key, note text)',
      'alter table depot.shelves owner to drill_clerk',
      `insert into depot.shelves (note) select md5(i::text) from generate_series(1, 500) i`,
      'revoke delete on depot.shelves from drill_clerk',
      'grant select, update (note) on depot.shelves to drill_reader',
      'grant usage on schema depot to drill_reader with grant option',
      'alter default privileges for role drill_owner in schema depot grant select on tables to drill_reader',
      'create policy clerks on depot.shelves to drill_clerk using (id > 0)',
      'alter table depot.shelves enable row level security',
      'alter table depot.shelves force row level security',
      'create index on depot.shelves (note)',
      'create statistics depot.shelf_notes (ndistinct) on id, note from depot.shelves',
    )
    store = memoryStore()
    lifeboat = await open()
    await lifeboat.backup('shop')
  })
  afterAll(() => scratch?.stop())

  it('finds no difference, on a server of its own that is gone afterwards, and records what it did', async () => {
    const report = await lifeboat.drill('shop/latest')
    expect(report).toMatchObject({ ok: true, findings: [], level: 'restored', destination: 'local' })
    expect(report.record).toMatchObject({
      proof: { kind: 'content', tables: 23, countedOnly: 0, sequences: 7, largeObjects: 2, differences: 0 },
      scratch: { kind: 'local' },
      leftOut: [],
      ok: true,
    })
    expect(report.record.proof!.rows).toBe(report.rows)
    expect(report.record.steps.map(one => one.step)).toEqual([
      ...['find', 'sweep what killed drills left', 'read the table of contents', 'open the scratch server'],
      ...[
        'create the database',
        'plan the restore',
        'fetch, decrypt, check and load, streamed together',
        'definitions',
      ],
      ...['sequences and large objects', 'indexes, constraints, triggers', 'checks', 'proof', 'tear down'],
    ])
    const records = await readRecords(store, place)
    expect(records).toEqual([report.record])
    expect((await readdir(tmpdir())).filter(name => name.startsWith(`lifeboat-drill-${process.pid}-`))).toEqual([])
  })

  it('as a verification of level restored it judges objectives and expectations, and compares counts when told to', async () => {
    const strict = await open({
      objectives: { rto: '1ms', rpo: '1ms' },
      // On a server that is there: one of its own has been started above.
      drill: { proof: 'counts', url: secret.value(server), allowSourceServer: new URL(server).host },
      verify: {
        criticalTables: ['orders', 'nowhere'],
        functions: ['order_total', 'audit.note_change', 'forgotten'],
        policies: { atLeast: 4 },
        queries: [
          {
            name: 'orphans',
            sql: 'select count(*) from order_lines l left join orders o on o.id = l.order_id where o.id is null',
            expect: 0,
          },
          { name: 'customers', sql: 'select count(*) from customers', expect: { min: 9_000 } },
          { name: 'few customers', sql: 'select count(*) from customers', expect: { min: 1, max: 7_999 } },
          { name: 'as many as ever', sql: 'select count(*) from customers', expect: 8_001 },
          { name: 'no number', sql: 'select max(note) from orders where id < 0', expect: 0 },
          { name: 'no cheap goods', sql: 'select 1 from products where price < 2', expect: 'no rows' },
          { name: 'same orders', sql: 'select max(id), count(*) from orders', expect: 'equal to source' },
          {
            name: 'same database',
            sql: 'select oid from pg_database where datname = current_database()',
            expect: 'equal to source',
          },
          { name: 'slow', sql: 'select pg_sleep(60)', expect: 'no rows', timeout: '50ms' },
          { name: 'writes', sql: 'delete from bookings', expect: 'no rows' },
          { name: 'ends it', sql: 'commit; delete from bookings', expect: 'no rows' },
        ],
      },
    })
    const report = (await strict.verify('shop/latest', { level: 'restored' })) as DrillReport
    const { record } = report
    expect(record.proof).toMatchObject({ kind: 'counts', tables: 23, countedOnly: 23, entries: 0, differences: 0 })
    expect(record.objectives).toMatchObject({ rpoMs: 1, rpoMet: false, rtoMs: 1, rtoMet: false })
    expect(report.findings.map(one => [one.code, one.message])).toEqual([
      ['critical-table-missing', 'the critical table nowhere is not in the backup'],
      ['policies-missing', 'the backup has 3 row-level security policies, fewer than 4'],
      ['critical-table-missing', 'the critical table nowhere is not in the restored database'],
      ['function-missing', 'the function forgotten is not in the restored database'],
      ['policies-missing', 'the restored database has 3 row-level security policies, fewer than 4'],
      ['query-unexpected', '"customers" on the restored data: 8000, expected at least 9000'],
      ['query-unexpected', '"few customers" on the restored data: 8000, expected at least 1 and at most 7999'],
      ['query-unexpected', '"as many as ever" on the restored data: 8000, expected 8001'],
      ['query-unexpected', '"no number" on the restored data: expected one number, got null'],
      ['query-unexpected', '"no cheap goods" on the restored data: 3 rows where none was expected'],
      [
        'query-unexpected',
        expect.stringMatching(/^"same database" on the restored data: "\d+", the source answers "\d+"$/),
      ],
      [
        'query-unexpected',
        expect.stringMatching(/^the query "slow" failed on the restored data: .* answered: .*statement timeout$/),
      ],
      ['query-unexpected', expect.stringContaining('read-only transaction')],
      ['query-unexpected', expect.stringContaining('multiple commands')],
      ['backup-too-old', expect.stringContaining('the RPO is')],
      ['rto-exceeded', expect.stringContaining('the RTO is')],
    ])
    expect(report.checks.filter(one => one.ok).map(one => one.name)).toContain('restored query same orders')
  })

  it('uses a configured server, and leaves neither database nor role on it', async () => {
    const url = secret.value(server)
    const refused = await open({ drill: { url } })
    await expect(refused.drill('shop/latest')).rejects.toMatchObject({ code: 'target-is-source' })
    // Nor by another name of the same server.
    const alias = await open({ drill: { url: secret.value(server.replace('127.0.0.1', 'localhost')) } })
    await expect(alias.drill('shop/latest')).rejects.toMatchObject({
      code: 'target-is-source',
      message: expect.stringContaining('a drill on localhost:'),
      hint: expect.stringContaining("allowSourceServer: 'localhost:"),
    })
    const small = await open({ drill: { url, maxSize: '1MB', allowSourceServer: new URL(server).host } })
    await expect(small.drill('shop/latest')).rejects.toMatchObject({ code: 'target-unfit' })
    const blind = await open({ drill: { url, maxSize: '1MB' }, source: { url: secret.env('NOT_AT_HAND') } })
    const said: string[] = []
    const drilling = blind.drill('shop/latest', {
      onEvent: event => event.type === 'warning.raised' && said.push(event.message),
    })
    await expect(drilling).rejects.toMatchObject({ code: 'target-unfit' })
    expect(said).toContainEqual(expect.stringContaining("the source's address is not at hand"))

    const left = 'lifeboat_drill_0123456789abcdef'
    await query(server, `create database ${left}`, `create role ${left}`)
    // One whose server is still at its last statement when the next drill begins, and not any more when it ends.
    const late = 'lifeboat_drill_fedcba9876543210'
    await query(server, `create database ${late}`)
    const lastStatement = new pg.Client(server)
    await lastStatement.connect()
    await lastStatement.query('select pg_advisory_lock($1, $2)', [lockSpace, lockKey('fedcba9876543210')])
    const allowed = await open({ drill: { url, allowSourceServer: new URL(server).host } })
    const warnings: string[] = []
    const report = await allowed.drill('shop/latest', {
      onEvent: event => {
        if (event.type === 'warning.raised') warnings.push(event.message)
        if (event.type === 'step.started' && event.step === 'proof') void lastStatement.end()
      },
    })
    expect(warnings).toEqual([left, left, late].map(name => `${name} of a drill that was killed was dropped`))
    expect(report.findings.map(one => `${one.code} ${one.message}`)).toEqual([
      expect.stringMatching(/^grants-not-compared/),
    ])
    expect(report.record.leftOut.map(one => one.entry)).toEqual(['DEFAULT ACL depot.DEFAULT PRIVILEGES FOR TABLES'])
    expect(report).toMatchObject({ ok: true, record: { scratch: { kind: 'server' }, proof: { differences: 0 } } })
    expect(await query(server, namesLeft)).toEqual([])
  })

  it('drills with a login that may do no more than make databases', async () => {
    await query(server, `create role drill_plain login createdb password 'plain'`)
    try {
      const url = secret.value(Object.assign(new URL(server), { username: 'drill_plain', password: 'plain' }).href)
      const plain = await open({ drill: { url, allowSourceServer: new URL(server).host } })
      // A table of this shop forces its policies on its owner, which is that login here.
      await expect(plain.drill('shop/latest')).rejects.toMatchObject({ code: 'rows-hidden' })
      await query(server, 'alter role drill_plain bypassrls')
      const report = await plain.drill('shop/latest')
      expect(report.findings.map(one => `${one.code} ${one.message}`)).toEqual([
        expect.stringMatching(/^grants-not-compared/),
      ])
      expect(report).toMatchObject({ ok: true, record: { proof: { differences: 0 } } })
    } finally {
      await query(server, 'drop role drill_plain')
    }
  })

  it.each([false, true])(
    'when it is cancelled it leaves nothing behind (on a configured server: %s)',
    async configured => {
      const drill = { url: secret.value(server), allowSourceServer: new URL(server).host }
      const cancelled = await open(configured ? { drill } : {})
      const stop = new AbortController()
      const drilling = cancelled.drill('shop/latest', {
        signal: stop.signal,
        onEvent: event => event.type === 'table.restored' && stop.abort(),
      })
      await expect(drilling).rejects.toMatchObject({ code: 'cancelled' })
      expect((await readdir(tmpdir())).filter(name => name.startsWith(`lifeboat-drill-${process.pid}-`))).toEqual([])
      expect(await query(server, namesLeft)).toEqual([])
    },
  )

  it('says that a backup which cannot be restored failed, and still cleans up', async () => {
    const [backup] = (await lifeboat.list('shop')).backups
    const { key } = backup!.manifest.artifacts[0]!
    const chunks: Uint8Array[] = []
    for await (const chunk of store.get(key)) chunks.push(Uint8Array.from(chunk))
    const bytes = Buffer.concat(chunks)
    const put = (content: Buffer) =>
      store.put(
        key,
        (async function* () {
          yield content
        })(),
      )
    const broken = Buffer.from(bytes)
    broken[bytes.length - 2000]! ^= 1
    await put(broken)
    const drill = { url: secret.value(server), allowSourceServer: new URL(server).host }
    const report = await (await open({ drill })).drill('shop/latest')
    await put(bytes)
    expect(report.findings.map(one => one.code)).toEqual(['object-damaged'])
    expect(report).toMatchObject({ ok: false, record: { ok: false, proof: null } })
    expect((await readdir(tmpdir())).filter(name => name.startsWith(`lifeboat-drill-${process.pid}-`))).toEqual([])
    expect(await query(server, namesLeft)).toEqual([])
  })
})

describe.each([17, 18])('a drill of a source of PostgreSQL %i', major => {
  it('finds no difference, and leaves out what extensions keep in tables of their own', async () => {
    const folder = await ensurePgClient(major)
    // PostgreSQL 18 takes extensions from any folder.
    const extensions = major < 18 ? undefined : await makeExtensions()
    const source = await startScratchServer({
      major,
      settings: extensions ? { extension_control_path: `$system:${extensions}` } : {},
    })
    try {
      const url = await makeDrillShop(source.url(), 'newer_shop')
      if (extensions) await query(url, ...jobsAndRequests)
      const tools = async () =>
        (await findPgTools()).concat({ folder, major, version: `${major}.0` }).sort((a, b) => a.major - b.major)
      const lifeboat = await openShop(url, {}, { findPgTools: tools })
      await lifeboat.backup('shop')
      const report = await lifeboat.drill('shop/latest')
      expect(report).toMatchObject({ ok: true, findings: [] })
      expect(report.record).toMatchObject({
        proof: { tables: 17, countedOnly: 0, sequences: 6, largeObjects: 2, differences: 0 },
        scratch: { kind: 'local', serverVersion: source.version },
      })
      const left = report.record.leftOut.map(({ entry, reason }) => `${entry}: ${reason}`)
      expect(left).toEqual(extensions ? leftOfExtensions : [])
    } finally {
      await source.stop()
      if (extensions) await rm(extensions, { recursive: true })
    }
  })
})
