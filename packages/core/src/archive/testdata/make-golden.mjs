// Makes the golden archives beside this file and what they must be read as:
//
//   LIFEBOAT_PG_BIN=<folder of client 15>:<of 17>:<of 18> PGHOST=… PGUSER=… PGPASSWORD=… node make-golden.mjs
//
// Client tools come from the folders in LIFEBOAT_PG_BIN and PATH; the newest set of each major makes `pg<major>.dump`.
// The server (no newer than the lowest client) comes from libpq's own variables; a
// database `lifeboat_golden` is made there and dropped again.
//
// Nothing here reads the archive itself. What is expected comes from elsewhere: the entries from `pg_restore --list`
// of the same major, rows and hashes of tables from `psql -c 'copy … to stdout'`, large objects from `lo_get`.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const database = 'lifeboat_golden'
const here = name => fileURLToPath(new URL(name, import.meta.url))
const env = { ...process.env, PGCLIENTENCODING: 'UTF8', PGOPTIONS: '-c timezone=UTC' }

const definition = `
create schema "Odd Schema.1";
create table plain (id bigint primary key, name text not null, amount numeric(12, 2), at timestamptz, doc jsonb);
create table "Odd Schema.1"."t ""quoted"" 🚀 'x' \\ y" ("a b" text, "select" int);
create table "line
break" (v text);
create table empty_table (id int);
create table no_columns ();
create table bytes (id int primary key, b bytea);
create table generated (id int primary key, net int not null, gross int generated always as (net * 2) stored, note text);
create table tricky (id serial primary key, v text);
create table events (at date not null, what text) partition by range (at);
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
create table dropped_column (a int, b text, c int);
alter table dropped_column drop column b;
create function touch() returns trigger language plpgsql as $$ begin new.v := new.v || ''; return new; end $$;
create trigger touched before update on tricky for each row execute function touch();
alter table plain enable row level security;
create policy mine on plain for select using (name = current_user);
create view cheap as select * from plain where amount < 10;
create materialized view counted as select count(*) as n from plain;
create index on plain (name);
comment on table plain is 'two
lines';
insert into plain select i, 'name ' || i, i * 1.25, '2026-11-21 02:00:00Z', jsonb_build_object('i', i, 't', E'\\n"\\\\') from generate_series(1, 20) i;
insert into "Odd Schema.1"."t ""quoted"" 🚀 'x' \\ y" values ('☃', 1), (null, null);
insert into "line
break" values ('x');
insert into no_columns select from generate_series(1, 3);
insert into bytes values (1, ''), (2, '\\x00'), (3, '\\x0a0d5c2e0a'), (4, decode(repeat('00ff0a5c', 200), 'hex'));
insert into generated (id, net, note) values (1, 10, 'a'), (2, 20, null);
insert into tricky (v) values (E'\\\\.'), (E'a\\n\\\\.\\nb'), (''), (null), (E'\\t\\b\\f\\r\\v\\\\'), ('\\N'), (repeat('long ', 400)), (E'\\\\.\\n\\n\\n');
insert into events select date '2025-12-01' + i, 'day ' || i from generate_series(0, 59, 7) i;
insert into dropped_column values (1, 2), (3, 4);
refresh materialized view counted;
select lo_from_bytea(1234567, decode(repeat('deadbeef', 1200), 'hex'));
select lo_from_bytea(1234568, '');
select lo_from_bytea(4000000000, '\\x0102030405');
`

function run(tool, args, options = {}) {
  return execFileSync(tool, args, { env, maxBuffer: 2 ** 28, stdio: ['pipe', 'pipe', 'inherit'], ...options })
}

function toolSets() {
  const sets = new Map()
  for (const folder of `${process.env.LIFEBOAT_PG_BIN ?? ''}${delimiter}${process.env.PATH ?? ''}`.split(delimiter)) {
    if (folder === '' || !existsSync(join(folder, 'pg_dump'))) continue
    const version = /(\d+)(\.\d+)?/.exec(run(join(folder, 'pg_dump'), ['--version']).toString())
    if (version && !sets.has(version[1])) sets.set(version[1], folder)
  }
  return sets
}

const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')

function expectedTables(folder) {
  const psql = sql => run(join(folder, 'psql'), ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', sql])
  const tables = JSON.parse(
    psql(`
    select json_agg(json_build_object('schema', nspname, 'name', relname, 'copy', format('%I.%I', nspname, relname), 'columns',
             (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
               where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '')))
      from pg_class c join pg_namespace n on n.oid = relnamespace
     where relkind = 'r' and nspname !~ '^pg_' and nspname <> 'information_schema'`).toString(),
  )
  return tables
    .map(({ schema, name, copy, columns }) => {
      const text = psql(`copy ${copy} ${columns ? `(${columns})` : ''} to stdout`)
      return { schema, name, rows: text.reduce((n, byte) => n + (byte === 10 ? 1 : 0), 0), bytes: text.byteLength, sha256: sha256(text) }
    })
    .sort(byName)
}

function byName(a, b) {
  return `${a.schema}.${a.name}` < `${b.schema}.${b.name}` ? -1 : 1
}

/** The hash that a scan gives: over `<oid>:` and the bytes of each object, in the order of their ids. */
function expectedLargeObjects(folder) {
  const rows = run(join(folder, 'psql'), ['-XqAt', '-F', ' ', '-d', database, '-c',
    "select oid, encode(lo_get(oid), 'hex') from pg_largeobject_metadata order by oid"]).toString().trim().split('\n')
  const objects = rows.map(row => row.split(' ')).map(([oid, hex]) => ({ oid, bytes: Buffer.from(hex ?? '', 'hex') }))
  return {
    count: objects.length,
    bytes: objects.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
    sha256: sha256(Buffer.concat(objects.flatMap(({ oid, bytes }) => [Buffer.from(`${oid}:`), bytes]))),
  }
}

/** `<dump id>; <section> <description> <namespace or -> <tag> <owner>`, as pg_restore writes them, line breaks as spaces. */
function expectedEntries(folder, archive) {
  const list = (...options) =>
    run(join(folder, 'pg_restore'), ['--list', ...options, archive]).toString().split('\n')
      .map(line => /^(\d+); \d+ \d+ (.*)$/.exec(line)).filter(match => match !== null)
  const sections = new Map()
  for (const section of ['pre-data', 'data', 'post-data'])
    for (const [, id] of list('--create', `--section=${section}`)) {
      // DATABASE is shown in every section; it is of the first.
      if (!sections.has(id)) sections.set(id, section)
    }
  return list('--verbose').map(([, id, words]) => {
    // These are stored without a section and shown in that of the entry before; the unshown ones are of the first.
    const section = /^(COMMENT|ACL|SECURITY LABEL) /.test(words) ? 'none' : (sections.get(id) ?? 'pre-data')
    return `${id}; ${section} ${words}`
  })
}

const sets = toolSets()
const newest = [...sets.keys()].sort((a, b) => Number(a) - Number(b)).at(-1)
const psql = join(sets.get(newest), 'psql')
run(psql, ['-Xqd', 'postgres', '-c', `create database ${database} template template0 encoding 'UTF8' locale 'C'`])
try {
  run(psql, ['-Xqd', database, '-v', 'ON_ERROR_STOP=1'], { input: definition })
  for (const [major, folder] of sets) {
    const archive = here(`pg${major}.dump`)
    // Written to a pipe, as a backup does: pg_dump cannot go back, so no data offsets are in the table of contents.
    writeFileSync(archive, run(join(folder, 'pg_dump'), ['-Fc', '-Z0', '--encoding=UTF8', '-d', database]))
    const expected = {
      entries: expectedEntries(folder, archive),
      tables: expectedTables(folder),
      largeObjects: expectedLargeObjects(folder),
    }
    writeFileSync(here(`pg${major}.json`), `${JSON.stringify(expected, null, 1)}\n`)
    process.stdout.write(`pg${major}: ${expected.entries.length} entries, ${expected.tables.length} tables\n`)
  }
} finally {
  run(psql, ['-Xqd', 'postgres', '-c', `drop database ${database}`])
}
