import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Lifeboat, memoryStore, type ObjectStore } from '@lifeboat/core'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { bytesOf } from '../../../core/src/streams/byte-source.js'
import { faulty } from '../faulty-store.js'
import { ensurePgClient } from '../pg-clients.js'
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.js'
import { expectCaught, type FaultShop, openFaultShop, refusalOf } from './fault-shop.js'

/* Faults 22 and 23: a target that does not fit, which the plan says; a restore that is cut, which names its target. */

let shop: FaultShop
let store: ObjectStore
let lifeboat: Lifeboat

beforeAll(async () => {
  shop = await openFaultShop('faults_restore')
  store = memoryStore()
  lifeboat = await shop.open({ stores: { memory: store } })
  await lifeboat.backup('shop')
})
afterAll(() => shop.close())

async function databaseExists(name: string): Promise<boolean> {
  return (await shop.query('postgres', `select from pg_database where datname = '${name}'`)).rowCount === 1
}

const code = async (call: Promise<unknown>) => [(await refusalOf(call)).code]

describe('the plan of a restore', () => {
  it('refuses a target that holds something, or is the source', async () => {
    await shop.query('postgres', 'create database faults_restore_used')
    await shop.query('faults_restore_used', 'create table theirs (id int); insert into theirs values (7)')
    await expectCaught({ fault: 22, made: 'the target is not empty', level: 'plan' }, ['target-not-empty'], () =>
      code(lifeboat.planRestore('latest', { to: shop.url('faults_restore_used') })),
    )
    await expectCaught({ fault: 22, made: 'the database to create exists', level: 'plan' }, ['target-not-empty'], () =>
      code(lifeboat.planRestore('latest', { to: shop.url('faults_restore_used'), create: true })),
    )
    await expectCaught({ fault: 22, made: 'the target is the source', level: 'plan' }, ['target-is-source'], () =>
      code(lifeboat.planRestore('latest', { to: shop.url(), overwrite: true })),
    )
    // The same database under another name of the host.
    const alias = Object.assign(new URL(shop.url()), { hostname: 'localhost' }).href
    await expectCaught(
      { fault: 22, made: 'the target is the source, by another address', level: 'plan' },
      ['target-is-source'],
      () => code(lifeboat.planRestore('latest', { to: alias, overwrite: true })),
    )
    const { rows } = await shop.query('faults_restore_used', 'select id from theirs')
    expect(rows).toEqual([{ id: 7 }])
  })

  it('is refused to somebody whose key does not open the backup', async () => {
    const encryption = { recipients: [shop.keys.publicKey], privateKey: shop.keys.stranger }
    const stranger = await shop.open({ stores: { memory: store }, product: { encryption } })
    const target = { to: shop.url('faults_restore_nowhere'), create: true }
    expect(await code(stranger.planRestore('latest', target))).toEqual(['wrong-key'])
  })

  describe('on an older server', () => {
    let newer: ScratchServer
    /** A server of an older major: that of the run, if it is one. */
    let olderUrl: (database?: string) => string
    let older: ScratchServer | undefined
    let newerShop: FaultShop

    beforeAll(async () => {
      const extensions = join(shop.folder, 'share', 'extension')
      await mkdir(extensions, { recursive: true })
      await writeFile(join(extensions, 'faults_only_here.control'), "default_version = '1.0'\nrelocatable = true\n")
      await writeFile(
        join(extensions, 'faults_only_here--1.0.sql'),
        'create function only_here() returns int language sql as $$select 1$$;\n',
      )
      // A server that runs as another user must be able to read its extensions.
      await chmod(shop.folder, 0o755)
      const settings = { extension_control_path: `$system:${join(shop.folder, 'share')}` }
      newer = await startScratchServer({ major: 18, settings })
      older = inject('postgres').major < 18 ? undefined : await startScratchServer({ major: 17 })
      olderUrl = older?.url ?? ((database = 'postgres') => shop.url(database))
      process.env.LIFEBOAT_PG_BIN = await ensurePgClient(18)
      newerShop = await openFaultShop('faults_newer', newer.url())
    })
    afterAll(async () => {
      delete process.env.LIFEBOAT_PG_BIN
      await newerShop.close()
      await newer.stop()
      await older?.stop()
    })

    async function expectPlan(made: string, sql: string, expected: string): Promise<void> {
      await newerShop.query('faults_newer', sql)
      const here = await newerShop.open({ stores: { memory: memoryStore() } })
      await here.backup('shop')
      const target = { to: olderUrl('faults_restore_target'), create: true }
      await expectCaught({ fault: 22, made, level: 'plan' }, [expected], async () => {
        if (expected === 'target-unfit') return code(here.planRestore('latest', target))
        const { warnings } = await here.planRestore('latest', target)
        return warnings.some(one => /^the target runs PostgreSQL .* older than the source's 18/.test(one))
          ? [expected]
          : []
      })
      const client = new pg.Client(olderUrl())
      await client.connect()
      const { rowCount } = await client.query("select from pg_database where datname = 'faults_restore_target'")
      await client.end()
      expect(rowCount).toBe(0)
    }

    it('says that it is older, which extension it lacks, and which role', async () => {
      await expectPlan('an older server than the source', 'select 1', 'warning.raised')
      await expectPlan(
        'a role that a policy names is missing',
        'create role faults_auditor; alter table customers enable row level security; create policy p on customers to faults_auditor using (true)',
        'target-unfit',
      )
      await expectPlan(
        'an extension is missing',
        'drop policy p on customers; create extension faults_only_here',
        'target-unfit',
      )
    })
  })
})

describe('a restore that is cut half-way', () => {
  let proxy: TcpProxy
  beforeAll(async () => {
    const { hostname, port } = new URL(shop.url())
    proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  })
  afterAll(() => proxy.close())

  const target = (database: string) => Object.assign(new URL(shop.url(database)), { port: String(proxy.port) }).href
  const cutRows = () =>
    proxy.inject({ kind: 'cut', after: /COPY public\.orders/, counting: 'to-server', afterBytes: 50_000 })

  it.each([
    ['is dropped again', false],
    ['stays when that was asked for', true],
  ])('into a new database: it %s', async (made, keepFailed) => {
    cutRows()
    const name = `faults_restore_new_${keepFailed}`
    await expectCaught(
      { fault: 23, made: `connection cut, new database ${made}`, level: 'restore' },
      ['database-unreachable'],
      async () => {
        const refused = await refusalOf(lifeboat.restore('latest', { to: target(name), create: true, keepFailed }))
        expect(refused.message).toMatch(keepFailed ? /faults_restore_new_true is incomplete$/ : /dropped again$/)
        return [refused.code]
      },
    )
    expect(await databaseExists(name)).toBe(keepFailed)
    expect(proxy.pending()).toBe(0)
  })

  it('into a database that was there names it as incomplete', async () => {
    cutRows()
    await shop.query('postgres', 'create database faults_restore_there')
    await expectCaught(
      { fault: 23, made: 'connection cut, into a database that was there', level: 'restore' },
      ['database-unreachable'],
      async () => {
        const refused = await refusalOf(lifeboat.restore('latest', { to: target('faults_restore_there') }))
        expect(refused.message).toMatch(/faults_restore_there is incomplete$/)
        return [refused.code]
      },
    )
  })

  it('because the store went away, or gave other bytes, claims no success', async () => {
    const retry = { attempts: 1, firstDelayMs: 1, longestDelayMs: 1, budgetMs: 1 }
    for (const [made, expected, fault] of [
      [
        'the store goes away',
        'store-unreachable',
        () => {
          throw Object.assign(new Error('gone'), { code: 'EIO' })
        },
      ],
      ['the store gives other bytes', 'object-damaged', (chunk: Uint8Array) => Buffer.from(chunk).fill(0, 0, 64)],
    ] as const) {
      let reading = 0
      const broken = faulty(
        { ...store, classify: error => store.classify(error) ?? 'store-unreachable' },
        ({ step, key }, chunk) => {
          if (step === 'get-chunk' && key.endsWith('.gpg') && ++reading > 2) return fault(chunk!)
        },
      )
      const half = await shop.open({ stores: { memory: broken }, deps: { retry } })
      await expectCaught({ fault: 23, made: `${made} half-way`, level: 'restore' }, [expected], async () => {
        const refused = await refusalOf(half.restore('latest', { to: shop.url('faults_restore_half'), create: true }))
        expect(refused.message).toMatch(/dropped again$/)
        return [refused.code]
      })
      expect(await databaseExists('faults_restore_half')).toBe(false)
    }
  })

  describe('into a database that holds something', () => {
    const long = memoryStore()
    let storedBytes = 0
    beforeAll(async () => {
      // Long enough for its definitions to come well before its end.
      await shop.query(
        'faults_restore',
        'create table long as select n, repeat(md5(n::text), 9) from generate_series(1, 20000) n',
      )
      const compression = { codec: 'none', level: 1 } as const
      const whole = await shop.open({ stores: { memory: long }, product: { compression } })
      storedBytes = (await whole.backup('shop')).manifest.artifacts[0]!.storedBytes
      await shop.query('faults_restore', 'drop table long')
    })

    it.each([
      ['all', {}],
      ['part', { tables: ['customers'] }],
    ])('because the backup is damaged drops nothing of what it was to replace: %s of it', async (made, part) => {
      const name = `faults_restore_kept_${made}`
      await shop.query('postgres', `create database ${name}`)
      await shop.query(name, 'create table customers (theirs int); insert into customers values (7)')
      let read = 0
      const broken = faulty(long, ({ step, key }, chunk) => {
        if (step === 'get') read = 0
        if (step !== 'get-chunk' || !key.endsWith('.gpg')) return
        read += chunk!.length
        if (read === storedBytes) return Buffer.from(chunk!).fill(0, chunk!.length - 64)
      })
      const damaged = await shop.open({ stores: { memory: broken } })
      const restoring = damaged.restore('latest', { to: shop.url(name), overwrite: true, ...part })
      expect(await refusalOf(restoring)).toMatchObject({ code: 'object-damaged' })
      expect((await shop.query(name, 'select theirs from customers')).rows).toEqual([{ theirs: 7 }])
    })
  })

  it('because it sent other rows than were backed up, commits none of them', async () => {
    const theirs = memoryStore()
    const encryption = { recipients: [shop.keys.publicKey], privateKey: shop.keys.privateKey }
    const unsealed = await shop.open({ stores: { memory: theirs }, product: { encryption } })
    const { manifest } = await unsealed.backup('shop')
    const key = `shop/${manifest.id}/manifest.json`
    const tables = manifest.tables?.map(one => (one.name === 'orders' ? { ...one, sha256: '0'.repeat(64) } : one))
    await theirs.put(key, bytesOf(JSON.stringify({ ...manifest, tables })))
    const to = shop.url('faults_restore_other')
    const refused = await refusalOf(unsealed.restore('latest', { to, create: true, keepFailed: true }))
    expect(refused).toMatchObject({ code: 'restore-failed', message: expect.stringContaining('public.orders') })
    expect((await shop.query('faults_restore_other', 'select from orders')).rowCount).toBe(0)
  })
})
