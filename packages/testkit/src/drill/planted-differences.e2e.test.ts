import { randomBytes } from 'node:crypto'
import { escapeIdentifier } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type ProveWork, prove } from '../../../core/src/drill/prove.js'
import { quarantine } from '../../../core/src/drill/quarantine.js'
import { runDrill } from '../../../core/src/drill/run-drill.js'
import { makeScratchDatabase } from '../../../core/src/drill/scratch-database.js'
import { type OpenScratchServer, openScratchServer } from '../../../core/src/drill/scratch-server.js'
import { makeWorkFolder, type WorkFolder } from '../../../core/src/drill/work-folder.js'
import { memoryStore, nodeDeps, resolveConfig, secret } from '../../../core/src/index.js'
import { readContents } from '../../../core/src/restore/read-contents.js'
import { runRestore } from '../../../core/src/restore/run-restore.js'
import { recordFault } from '../faults/fault-results.js'
import type {} from '../provided-postgres.js'
import { databaseUrl, makeDrillShop, openShop, pgbenchScale, pgbenchTables, query } from './drill-shop.js'

/*
 * One restore, as a drill makes it; then each difference is planted into a copy of the restored database, and the proof
 * must name it.
 */

const server = inject('postgres').url
const passphrase = 'correct horse battery'

function resolveProduct() {
  const { products } = resolveConfig({
    products: {
      shop: {
        source: { url: secret.value(server) },
        encryption: { passphrase: secret.value(passphrase) },
        destinations: { local: { store: memoryStore() } },
      },
    },
  })
  return products.shop!
}

describe('the proof by content', () => {
  let folder: WorkFolder
  let scratch: OpenScratchServer
  let work: ProveWork

  beforeAll(async () => {
    const source = await makeDrillShop(server, 'planted_shop')
    await query(source, ...pgbenchTables(pgbenchScale))
    const store = memoryStore()
    const lifeboat = await openShop(source, { destinations: { local: { store } } })
    const { manifest } = await lifeboat.backup('shop')
    const backup = { store, destination: 'local', folder: `shop/${manifest.id}/`, manifest }
    const unlock = { passphrase, privateKeys: [] }
    folder = await makeWorkFolder({ product: 'shop', startedAt: new Date().toISOString() })
    scratch = await openScratchServer(
      { kind: 'local' },
      {
        ...{
          databaseBytes: manifest.source.databaseBytes,
          sourceMajor: Number.parseInt(manifest.source.serverVersion, 10),
        },
        ...{ workFolder: folder.path, source: undefined, signal: undefined },
      },
    )
    const toc = await readContents(backup, manifest.artifacts[0]!, unlock)
    const database = await makeScratchDatabase(scratch, toc, undefined)
    const { findPgTools } = nodeDeps()
    const rules = [quarantine()]
    await runRestore(
      {
        ...{ backup, unlock, sealKeys: { passphrase, signers: [] }, source: undefined, findPgTools, rules },
        ...{ definer: database.definer, countRows: false, workParent: folder.path },
      },
      { to: database.url },
    )
    const tools = await findPgTools()
    work = {
      kind: 'content',
      backup,
      unlock,
      toc,
      rules,
      server: scratch,
      database,
      tools,
      workFolder: folder.path,
      emit: () => {},
    }
  })
  afterAll(async () => {
    await scratch?.close()
    await folder?.remove()
    await query(databaseUrl(server, 'postgres'), 'drop database if exists planted_shop with (force)')
  })

  const planted: readonly [what: string, sql: readonly string[], found: readonly (readonly [string, RegExp])[]][] = [
    ['nothing', [], []],
    [
      'a changed row',
      ['update measurements set d = 0.2 where id = 3'],
      [['content-differs', /rows of public\.measurements/]],
    ],
    [
      'a changed row among many',
      ['update pgbench_accounts set abalance = 1 where aid = 99999'],
      [['content-differs', /rows of public\.pgbench_accounts/]],
    ],
    [
      'a missing row',
      ['delete from order_lines where order_id = 9 and line = 1'],
      [['rows-differ', /public\.order_lines has 71999 .* 72000/]],
    ],
    [
      'a missing table',
      ['drop table bookings'],
      [
        ['table-missing', /public\.bookings is missing/],
        ['entry-missing', /TABLE public\.bookings/],
        ['entry-missing', /CONSTRAINT public\.bookings bookings_during_excl/],
        ['entry-missing', /CONSTRAINT public\.bookings bookings_pkey/],
      ],
    ],
    [
      'a sequence that is behind',
      ["select setval('invoice_number', 76993, false)"],
      [['sequence-differs', /public\.invoice_number/]],
    ],
    [
      'a missing function, and what falls with it',
      ['drop function order_total(bigint) cascade'],
      [
        ['entry-missing', /FUNCTION public\.order_total\(bigint\)/],
        ['entry-missing', /COMMENT on FUNCTION order_total/],
        ['entry-missing', /VIEW public\.open_orders/],
        ['entry-missing', /COMMENT on VIEW open_orders/],
        ['entry-missing', /COMMENT on COLUMN open_orders\.total/],
        ['entry-missing', /ACL on TABLE open_orders in public/],
      ],
    ],
    [
      'a function with another body',
      [
        "create or replace procedure retire_product(wanted integer) language sql as 'update public.products set retired = false where id = wanted'",
      ],
      [['definition-differs', /PROCEDURE public\.retire_product/]],
    ],
    [
      'a missing trigger',
      ['drop trigger note_status_change on orders'],
      [
        ['entry-missing', /TRIGGER public\.orders note_status_change/],
        ['entry-missing', /COMMENT on TRIGGER note_status_change ON orders/],
      ],
    ],
    [
      'a missing policy',
      ['drop policy no_deletes on sessions'],
      [['entry-missing', /POLICY public\.sessions no_deletes/]],
    ],
    ['a missing index', ['drop index order_lines_product'], [['entry-missing', /INDEX public\.order_lines_product/]]],
    [
      'a missing grant',
      ['revoke select on open_orders from public'],
      [['entry-missing', /ACL on TABLE open_orders in public/]],
    ],
    [
      'a table too many',
      ['create table extra (id int)', 'insert into extra values (1)', 'alter table extra owner to postgres'],
      [
        ['table-unlisted', /public\.extra has 1 rows/],
        ['entry-added', /TABLE public\.extra/],
      ],
    ],
    ['another byte in a large object', ["select lo_put(424242, 7, '\\x00')"], [['large-objects-differ', /SHA-256/]]],
    ['a missing large object', ['select lo_unlink(424243)'], [['large-objects-differ', /1 large objects/]]],
  ]

  /** Those of fault 24 in docs/faults.md. */
  const isFault = (what: string) => /function|trigger|policy|sequence/.test(what)

  it.each(planted)('finds and names %s', async (what, sql, expected) => {
    const name = `planted_${randomBytes(4).toString('hex')}`
    const restored = new URL(work.database.url).pathname.slice(1)
    await query(
      scratch.url('postgres'),
      `create database ${escapeIdentifier(name)} template ${escapeIdentifier(restored)}`,
    )
    const url = databaseUrl(work.database.url, name)
    if (sql.length > 0) await query(scratch.url(name), ...sql)
    const startedMs = performance.now()
    const { proof, findings } = await prove({ ...work, database: { ...work.database, url } }, undefined)
    const ms = performance.now() - startedMs
    await query(scratch.url('postgres'), `drop database ${escapeIdentifier(name)} with (force)`)
    const sorted = [...expected].sort((a, b) => a[0].localeCompare(b[0]))
    expect(findings.map(one => one.code).sort()).toEqual(sorted.map(([code]) => code))
    for (const [code, message] of expected)
      expect(findings).toContainEqual(expect.objectContaining({ code, message: expect.stringMatching(message) }))
    expect(proof?.differences).toBe(expected.length)
    const caughtBy = [...new Set(findings.map(one => one.code))]
    if (isFault(what)) recordFault({ fault: 24, made: what, level: 'restored', caughtBy, ms })
  })

  it('is part of a drill, which names all of them and fails', async () => {
    const one = (what: string) => planted.find(([name]) => name === what)!
    const whats = ['a changed row', 'a missing row', 'a missing table', 'a sequence that is behind']
    whats.push('a missing function, and what falls with it', 'a missing trigger', 'a missing policy', 'a missing index')
    const { verify, drill, objectives, destinations } = resolveProduct()
    const report = await runDrill(
      {
        ...{
          find: async () => work.backup,
          unlock: async () => work.unlock,
          config: { verify, drill, objectives, destinations },
        },
        sealKeys: async () => ({ passphrase, signers: [] }),
        ...{
          scratch: { kind: 'local' },
          source: undefined,
          findPgTools: nodeDeps().findPgTools,
          now: () => new Date(),
        },
        restored: async url => void (await query(url, ...whats.flatMap(what => one(what)[1]))),
      },
      {},
    )
    const expected = whats.flatMap(what => one(what)[2])
    expect(report.findings.map(found => found.code).sort()).toEqual(expected.map(([code]) => code).sort())
    for (const [code, message] of expected)
      expect(report.findings).toContainEqual(
        expect.objectContaining({ severity: 'critical', code, message: expect.stringMatching(message) }),
      )
    expect(report).toMatchObject({ ok: false, record: { ok: false, proof: { differences: expected.length } } })
  })
})
