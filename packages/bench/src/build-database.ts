import pg from 'pg'

/** Bytes that one step of each table adds to the database, with its indexes. */
const bytesPerUnit = 345_000

/** Builds a database of about `sizeBytes`: events with indexes and foreign keys, accounts, and long texts. */
export async function buildDatabase(url: string, sizeBytes: number): Promise<void> {
  const units = Math.ceil(sizeBytes / bytesPerUnit)
  await statements(url, [
    `create table customers (id bigint generated always as identity primary key, email text not null unique, name text, created_at timestamptz not null, meta jsonb)`,
    `insert into customers (email, name, created_at, meta)
       select 'user' || i || '@example.org', 'Name ' || md5(i::text), timestamptz '2024-01-01' + i * interval '17 s',
              jsonb_build_object('plan', (array['free','pro','team'])[1 + i % 3], 'seats', i % 50)
         from generate_series(1, ${units * 65}) i`,
    `create table events (id bigint primary key, customer_id bigint references customers (id), kind text, at timestamptz, body text)`,
    `insert into events
       select i, 1 + (i::bigint * 7919) % ${units * 65}, (array['login','view','purchase','logout','edit'])[1 + i % 5],
              timestamptz '2024-01-01' + i * interval '3 s',
              'session ' || md5((i % 50000)::text) || ' path /app/' || (i % 997) || '/items/' || (i % 10007)
                || ' agent Mozilla/5.0 (X11; Linux x86_64) ' || md5(i::text)
         from generate_series(1, ${units * 975}) i`,
    `create index on events (customer_id)`,
    `create index on events (at)`,
    `create table documents (id int primary key, title text, body text, data bytea)`,
    `insert into documents
       select i, 'Document ' || i,
              repeat('The quick brown fox jumps over the lazy dog number ' || i || '. ', 20) || md5(i::text) || md5((i * 3)::text),
              decode(md5(i::text) || md5((i + 1)::text), 'hex')
         from generate_series(1, ${units * 39}) i`,
    'vacuum analyze',
  ])
}

/** The tables that `pgbench -i` makes (PostgreSQL's src/bin/pgbench/pgbench.c), without the program. */
export async function buildPgbench(url: string, scale: number): Promise<void> {
  await statements(url, [
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
    'vacuum analyze',
  ])
}

/** Builds a database whose dump is long while the database is small: wide values that the server keeps compressed. */
export async function buildWideDatabase(url: string, dumpBytes: number): Promise<void> {
  const rowBytes = 500_000
  await statements(url, [
    'create table wide (id int primary key, body text)',
    `insert into wide select i, repeat(md5(i::text) || ' a line of text that the server compresses well, ', ${Math.floor(rowBytes / 80)})
       from generate_series(1, ${Math.ceil(dumpBytes / rowBytes)}) i`,
  ])
}

async function statements(url: string, sql: readonly string[]): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    for (const statement of sql) await client.query(statement)
  } finally {
    await client.end()
  }
}
