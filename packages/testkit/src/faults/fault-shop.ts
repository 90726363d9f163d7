import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type BackupEvent,
  type Deps,
  generateKeyPair,
  isBackupError,
  type Lifeboat,
  type LifeboatConfig,
  memoryStore,
  nodeDeps,
  type ObjectStore,
  openLifeboat,
  type PgTools,
  secret,
  type VerificationLevel,
} from '@lifeboat/core'
import pg from 'pg'
import { expect, inject } from 'vitest'
import type {} from '../provided-postgres.js'
import { recordFault } from './fault-results.js'
import type { FaultLevel } from './fault-table.js'

/** A small shop with keys, on the server of the run: what the fault tests back up. */
export interface FaultShop {
  /** A folder for whatever a test needs, gone after `close`. */
  readonly folder: string
  readonly tools: PgTools
  /** Paths of armored keys, in clear: whose backups are read with, whose seal them, and a stranger's. */
  readonly keys: {
    readonly publicKey: string
    readonly privateKey: string
    readonly signingKey: string
    readonly stranger: string
    readonly strangerPublic: string
  }
  /** The address of a database on the server; the shop's own by default. */
  url(database?: string): string
  query(database: string, sql: string): Promise<pg.QueryResult>
  config(change?: ShopChange): LifeboatConfig
  open(change?: ShopChange): Promise<Lifeboat>
  /** Removes every database that begins with the shop's name, and the folder. */
  close(): Promise<void>
}

/** What a test wants to be different. */
export interface ShopChange {
  readonly url?: string
  readonly stores?: Readonly<Record<string, ObjectStore>>
  readonly deps?: Partial<Deps>
  readonly product?: Partial<LifeboatConfig['products'][string]>
  readonly retention?: LifeboatConfig['products'][string]['destinations'][string]['retention']
}

/** The rows of `orders`; those of `customers` are a tenth. */
export const orderRows = 3000

/** Makes the shop. `name` is that of its database; names of other databases that tests make begin with it. */
export async function openFaultShop(name: string, server: string = inject('postgres').url): Promise<FaultShop> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-faults-'))
  const url = (database = name) => Object.assign(new URL(server), { pathname: `/${database}` }).href
  const query = async (database: string, sql: string) => {
    const client = new pg.Client(url(database))
    await client.connect()
    try {
      return await client.query(sql)
    } finally {
      await client.end()
    }
  }
  await query('postgres', `create database ${name}`)
  // Notes do not compress well, so that there are several chunks on the way.
  await query(
    name,
    `create table orders (id int primary key, note text);
     insert into orders select i, md5(i::text) || repeat(md5((i * 7)::text), 4) from generate_series(1, ${orderRows}) i;
     create table customers (id int);
     insert into customers select generate_series(1, ${orderRows / 10})`,
  )
  const keys = await writeKeys(folder)
  const found = await nodeDeps().findPgTools()
  const major = Number.parseInt((await query('postgres', 'show server_version')).rows[0].server_version, 10)
  const tools = found.find(one => one.major >= major)
  if (tools === undefined) throw new Error(`no pg_dump for a server of major ${major}`)

  const config = (change: ShopChange = {}): LifeboatConfig => ({
    products: {
      shop: {
        source: { url: secret.value(change.url ?? url()) },
        encryption: {
          recipients: [keys.publicKey],
          privateKey: keys.privateKey,
          signingKey: keys.signingKey,
        },
        destinations: Object.fromEntries(
          Object.entries(change.stores ?? { memory: memoryStore() }).map(([destination, store]) => [
            destination,
            { store, ...(change.retention ? { retention: change.retention } : {}) },
          ]),
        ),
        verify: { criticalTables: ['orders', 'customers'] },
        ...change.product,
      },
    },
  })
  return {
    ...{ folder, tools, keys, url, query, config },
    open: (change = {}) => openLifeboat(config(change), { deps: { findPgTools: async () => [tools], ...change.deps } }),
    async close() {
      const { rows } = await query('postgres', `select datname from pg_database where datname like '${name}%'`)
      for (const { datname } of rows) await query('postgres', `drop database "${datname}" with (force)`)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function writeKeys(folder: string): Promise<FaultShop['keys']> {
  const path = (name: string) => join(folder, `${name}.asc`)
  for (const [name, publicName] of [
    ['private', 'public'],
    ['signing', 'signing-public'],
    ['stranger', 'stranger-public'],
  ] as const) {
    const pair = await generateKeyPair({ name, email: `${name}@example.org` })
    await writeFile(path(name), pair.privateKey, { mode: 0o600 })
    await writeFile(path(publicName), pair.publicKey)
  }
  return {
    publicKey: path('public'),
    privateKey: path('private'),
    signingKey: path('signing'),
    stranger: path('stranger'),
    strangerPublic: path('stranger-public'),
  }
}

/** One way to make a fault, and where it must be caught. */
export interface Made {
  readonly fault: number
  readonly made: string
  readonly level: FaultLevel
}

/**
 * Runs `work`, which returns the codes of what it met, demands that they are `expected`, and records the fault as
 * caught.
 */
export async function expectCaught(
  made: Made,
  expected: readonly string[],
  work: () => Promise<readonly string[]>,
): Promise<void> {
  const startedMs = performance.now()
  const caughtBy = await work()
  const ms = performance.now() - startedMs
  expect({ ...made, caughtBy }).toEqual({ ...made, caughtBy: expected })
  recordFault({ ...made, caughtBy, ms })
}

/** The code that a call is refused with; a call that succeeds fails the test. */
export async function refusalOf(call: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  const error = await call.then(
    () => expect.unreachable('it was not refused'),
    (failure: unknown) => failure,
  )
  if (!isBackupError(error)) throw error
  return { code: error.code, message: error.message, hint: error.hint ?? '' }
}

/** The codes of what a verification finds, in their order; those that are not critical say so. */
export async function findingsOf(lifeboat: Lifeboat, name: string, level: VerificationLevel): Promise<string[]> {
  const { findings } = await lifeboat.verify(name, { level })
  return findings.map(one => (one.severity === 'critical' ? one.code : `${one.code} (${one.severity})`))
}

/** A backup that must be refused, and must leave nothing anywhere: no object, no event that says it is finished. */
export async function refusedBackup(shop: FaultShop, change: ShopChange = {}): Promise<string[]> {
  const stores = change.stores ?? { memory: memoryStore() }
  const events: BackupEvent[] = []
  const lifeboat = await shop.open({ ...change, stores })
  const { code } = await refusalOf(lifeboat.backup('shop', { onEvent: event => void events.push(event) }))
  expect(events.filter(event => event.type === 'backup.finished')).toEqual([])
  for (const store of Object.values(stores)) expect(await keysIn(store)).toEqual([])
  return [code]
}

/** Every key in a store, sorted. */
export async function keysIn(store: ObjectStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys.sort()
}
