import { memoryStore, type ObjectStore, type PgTools, secret } from '@lifeboat/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DumpFault, dumpOf, standInPgDump } from '../stand-in-pg-dump.js'
import { startTcpProxy, type TcpFault, type TcpProxy } from '../tcp-proxy.js'
import {
  expectCaught,
  type FaultShop,
  findingsOf,
  keysIn,
  openFaultShop,
  refusalOf,
  refusedBackup,
} from './fault-shop.js'

/* Faults 1 to 5: what goes wrong between the server and us. The backup itself must refuse. */

let shop: FaultShop
let dump: Buffer
let proxy: TcpProxy

beforeAll(async () => {
  shop = await openFaultShop('faults_dump')
  dump = await dumpOf(shop.tools, shop.url())
  const { hostname, port } = new URL(shop.url())
  proxy = await startTcpProxy({ host: hostname, port: Number(port) })
})
afterAll(async () => {
  await proxy.close()
  await shop.close()
})

const withTools = (tools: PgTools) => ({ deps: { findPgTools: async () => [tools] } })
const standIn = async (fault: DumpFault) => withTools(await standInPgDump(shop.folder, shop.tools, fault))
const share = (percent: number) => Math.max(1, Math.floor((dump.length * percent) / 100))

describe('a pg_dump that goes wrong', () => {
  it.each([1, 50, 99])('and is killed at %i %% of the bytes fails the backup', async percent => {
    const change = await standIn({ kind: 'die', afterBytes: share(percent) })
    await expectCaught(
      { fault: 1, made: `SIGKILL at ${percent} % of the bytes`, level: 'backup' },
      ['dump-failed'],
      () => refusedBackup(shop, change),
    )
  })

  it('and fails after it wrote everything fails the backup', async () => {
    const change = await standIn({ kind: 'fail', status: 1, words: 'too late' })
    await expectCaught({ fault: 2, made: 'status 1 after the last byte', level: 'backup' }, ['dump-failed'], () =>
      refusedBackup(shop, change),
    )
  })

  it('because it may not read one table fails the backup', async () => {
    await shop.query('postgres', "create role faults_reader login password 'reads-little'")
    await shop.query('faults_dump', 'grant select on orders to faults_reader')
    const url = Object.assign(new URL(shop.url()), { username: 'faults_reader', password: 'reads-little' }).href
    try {
      for (const criticalTables of [[], ['orders', 'customers']]) {
        const made = criticalTables.length === 0 ? 'no permission on one table' : 'no permission on a critical table'
        await expectCaught({ fault: 2, made, level: 'backup' }, ['dump-failed'], () =>
          refusedBackup(shop, { url, product: { verify: { criticalTables } } }),
        )
      }
    } finally {
      await shop.query('faults_dump', 'drop owned by faults_reader; drop role faults_reader')
    }
  })

  it.each<[string, () => DumpFault, string]>([
    ['cut after half', () => ({ kind: 'truncate', afterBytes: share(50) }), 'archive-truncated'],
    ['without its last byte', () => ({ kind: 'truncate', afterBytes: dump.length - 1 }), 'archive-truncated'],
    ['of another kind', () => ({ kind: 'script', script: 'echo "-- a plain script, long enough"' }), 'archive-invalid'],
    // The newline that ends a row becomes a letter: the dump keeps its form, and has one row less.
    ['with two rows run together', () => ({ kind: 'lie', atByte: endOfARow(), bytes: 'x' }), 'counts-differ'],
    [
      'with the length of a block changed',
      () => ({ kind: 'lie', atByte: startOfARow() - 5, bytes: '~' }),
      'archive-invalid',
    ],
  ])('but ends with status 0, its output %s, fails the backup', async (made, fault, code) => {
    const change = await standIn(fault())
    await expectCaught({ fault: 4, made: `status 0, output ${made}`, level: 'backup' }, [code], () =>
      refusedBackup(shop, change),
    )
  })
})

const startOfARow = () => dump.indexOf(Buffer.from('1500\t'))
const endOfARow = () => dump.indexOf(10, startOfARow())

describe('a connection that breaks while rows flow', () => {
  it.each<[string, Pick<TcpFault, 'kind' | 'afterBytes'>]>([
    ['closed after the first bytes', { kind: 'cut', afterBytes: 1000 }],
    ['closed half-way', { kind: 'cut', afterBytes: 250_000 }],
    ['reset half-way', { kind: 'reset', afterBytes: 250_000 }],
  ])('%s fails the backup', async (made, fault) => {
    proxy.inject({ ...fault, after: /COPY public\.orders/, counting: 'to-client' })
    const url = Object.assign(new URL(shop.url()), { port: String(proxy.port) }).href
    await expectCaught({ fault: 3, made: `connection ${made}`, level: 'backup' }, ['dump-failed'], () =>
      refusedBackup(shop, { url }),
    )
  })
})

it('a connection on which nothing comes any more ends with the time that the caller gives it', async () => {
  proxy.inject({ kind: 'stall', after: /COPY public\.orders/, counting: 'to-client', afterBytes: 1000 })
  const url = Object.assign(new URL(shop.url()), { port: String(proxy.port) }).href
  const store = memoryStore()
  const lifeboat = await shop.open({ url, stores: { store } })
  const limit = new AbortController()
  await expectCaught(
    { fault: 3, made: 'connection stalls, with a time limit', level: 'backup' },
    ['timed-out'],
    async () => {
      const refused = refusalOf(lifeboat.backup('shop', { signal: limit.signal }))
      await expect.poll(() => proxy.pending(), { timeout: 60_000 }).toBe(0)
      limit.abort(new DOMException('too slow', 'TimeoutError'))
      return [(await refused).code]
    },
  )
  expect(await keysIn(store)).toEqual([])
})

describe('nothing where there was something', () => {
  it('an empty dump fails the backup', async () => {
    const change = await standIn({ kind: 'script', script: 'exit 0' })
    await expectCaught(
      { fault: 5, made: 'pg_dump writes nothing, status 0', level: 'backup' },
      ['archive-truncated'],
      () => refusedBackup(shop, change),
    )
  })

  it('a database without any of the critical tables fails the backup', async () => {
    await shop.query('postgres', 'create database faults_dump_empty')
    await expectCaught(
      { fault: 5, made: 'an empty database, critical tables configured', level: 'backup' },
      ['tables-missing'],
      () => refusedBackup(shop, { url: shop.url('faults_dump_empty') }),
    )
  })

  it.each([
    ['an empty database', 'faults_dump_void', ''],
    [
      'the same tables without rows',
      'faults_dump_bare',
      'create table orders (id int, note text); create table customers (id int)',
    ],
  ])('%s in place of a full one is found against the backup before it', async (made, database, sql) => {
    await shop.query('postgres', `create database ${database}`)
    if (sql !== '') await shop.query(database, sql)
    const store: ObjectStore = memoryStore()
    const drill = { url: secret.value(shop.url('postgres')), allowSourceServer: new URL(shop.url()).host }
    const product = { verify: { criticalTables: [] }, drill }
    await (await shop.open({ stores: { store }, product })).backup('shop')
    const lifeboat = await shop.open({ stores: { store }, product, url: shop.url(database) })
    await lifeboat.backup('shop')
    for (const level of ['listed', 'stored', 'content'] as const) {
      await expectCaught({ fault: 5, made: `${made} in place of a full one`, level }, ['rows-dropped'], () =>
        findingsOf(lifeboat, 'shop/latest', level),
      )
    }
    // It restores as well as any other: a drill must look at the backup before it, too.
    const proven = { fault: 5, made: `${made} in place of a full one`, level: 'restored' } as const
    await expectCaught(proven, ['rows-dropped'], async () =>
      (await findingsOf(lifeboat, 'shop/latest', 'restored')).filter(one => !one.endsWith('(info)')),
    )
  })
})
