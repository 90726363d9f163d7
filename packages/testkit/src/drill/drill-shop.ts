import pg from 'pg'
import { loadDemoDatabase } from '../../../cli/src/demo/demo-database.js'
import {
  type Deps,
  type Lifeboat,
  type LifeboatConfig,
  memoryStore,
  openLifeboat,
  secret,
} from '../../../core/src/index.js'

/** Runs statements one after the other; returns the rows of the last. */
export async function query<T = Record<string, unknown>>(url: string, ...statements: string[]): Promise<T[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    let rows: T[] = []
    for (const statement of statements) rows = (await client.query(statement)).rows as T[]
    return rows
  } finally {
    await client.end()
  }
}

/** The same server, another database. */
export function databaseUrl(server: string, database: string): string {
  return Object.assign(new URL(server), { pathname: `/${database}` }).href
}

/** Makes a database with the demo shop in it. */
export async function makeDrillShop(server: string, database: string): Promise<string> {
  await query(databaseUrl(server, 'postgres'), `drop database if exists ${database} with (force)`)
  await query(databaseUrl(server, 'postgres'), `create database ${database}`)
  const client = new pg.Client(databaseUrl(server, database))
  await client.connect()
  try {
    await loadDemoDatabase(client)
  } finally {
    await client.end()
  }
  return databaseUrl(server, database)
}

type ShopConfig = LifeboatConfig['products'][string]

/** A toolkit with one product, `shop`, whose source is `url`. */
export function openShop(url: string, more: Partial<ShopConfig> = {}, deps: Partial<Deps> = {}): Promise<Lifeboat> {
  const config: LifeboatConfig = {
    products: {
      shop: {
        source: { url: secret.value(url) },
        encryption: { passphrase: secret.value('correct horse battery') },
        destinations: { local: { store: memoryStore() } },
        ...more,
      },
    },
  }
  return openLifeboat(config, { deps })
}

/** How large these tables are in tests: a long run may ask for more; 50 makes five million accounts. */
export const pgbenchScale = Number(process.env.LIFEBOAT_TEST_PGBENCH_SCALE ?? 1)

/** The tables that `pgbench -i` makes (PostgreSQL's src/bin/pgbench/pgbench.c), without the program: 100,000 accounts for each unit of scale. */
export function pgbenchTables(scale: number): string[] {
  return [
    'create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))',
    'create table pgbench_tellers (tid int not null, bid int, tbalance int, filler char(84)) with (fillfactor = 100)',
    'create table pgbench_accounts (aid int not null, bid int, abalance int, filler char(84)) with (fillfactor = 100)',
    'create table pgbench_branches (bid int not null, bbalance int, filler char(88)) with (fillfactor = 100)',
    `insert into pgbench_branches select i, 0 from generate_series(1, ${scale}) i`,
    `insert into pgbench_tellers select i, (i - 1) / 10 + 1, 0 from generate_series(1, ${scale * 10}) i`,
    `insert into pgbench_accounts select i, (i - 1) / 100000 + 1, 0, '' from generate_series(1, ${scale * 100_000}) i`,
    'alter table pgbench_branches add primary key (bid)',
    'alter table pgbench_tellers add primary key (tid)',
    'alter table pgbench_accounts add primary key (aid)',
  ]
}
