import pg from 'pg'

/**
 * What makes a Postgres look like a Supabase project to an archive: its roles, schemas, owners, event triggers,
 * publication, default privileges. The shapes are those that the vendor's public image scripts and docs describe,
 * cut down to what a restore can trip over; every statement is ours.
 */
const roles = `
alter role postgres rename to bootstrap;
create role anon; create role authenticated; create role service_role; create role authenticator; create role dashboard_user;
create role pgbouncer; create role supabase_auth_admin; create role supabase_storage_admin; create role supabase_functions_admin;
create role supabase_realtime_admin; create role supabase_replication_admin; create role supabase_read_only_user;
create role postgres login createdb createrole bypassrls password 'owner';
grant anon, authenticated, service_role to postgres;
grant set on parameter session_replication_role to postgres;`

const platform = `
set role supabase_admin;
grant usage on schema public to anon, authenticated, service_role;
grant all on schema public to postgres;
alter default privileges in schema public grant all on tables to postgres, anon, authenticated, service_role;
create schema extensions; grant usage on schema extensions to anon, authenticated, service_role, postgres;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists citext with schema extensions;
create schema auth authorization supabase_auth_admin;
create schema storage authorization supabase_storage_admin;
create schema realtime; create schema graphql; create schema graphql_public; create schema pgbouncer authorization pgbouncer;
create schema vault; create schema cron; create schema supabase_functions; create schema net;

create table auth.schema_migrations (version text primary key);
create table auth.users (id uuid primary key default gen_random_uuid(), email text unique, raw jsonb);
create table auth.identities (id bigserial primary key, user_id uuid not null references auth.users(id) on delete cascade, provider text);
create function auth.uid() returns uuid language sql stable as $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
alter table auth.users owner to supabase_auth_admin; alter table auth.identities owner to supabase_auth_admin;
alter table auth.schema_migrations owner to supabase_auth_admin; alter function auth.uid() owner to supabase_auth_admin;
alter table auth.users enable row level security;
insert into auth.schema_migrations values ('20240101');

create table storage.migrations (id int primary key, name text);
create table storage.buckets (id text primary key, name text);
create table storage.objects (id uuid primary key default gen_random_uuid(), bucket_id text references storage.buckets(id), name text);
alter table storage.migrations owner to supabase_storage_admin; alter table storage.buckets owner to supabase_storage_admin;
alter table storage.objects owner to supabase_storage_admin; alter table storage.objects enable row level security;
insert into storage.migrations values (1, 'first');

create table vault.secrets (id int primary key, secret text);
create table cron.job (jobid int primary key, schedule text, command text);
create table supabase_functions.hooks (id int primary key);
create table realtime.messages (id int primary key, payload jsonb);
create function graphql_public.graphql() returns jsonb language sql as $$ select '{}'::jsonb $$;
create function supabase_functions.http_request() returns trigger language plpgsql as $$ begin return new; end $$;

create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as $$ begin perform 1; end $$;
create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
comment on event trigger pgrst_ddl_watch is 'tells the API';
create event trigger issue_pg_graphql_access on ddl_command_end when tag in ('CREATE FUNCTION') execute function extensions.pgrst_ddl_watch();

grant usage on schema auth, storage, vault, cron, supabase_functions, realtime to postgres, anon, authenticated, service_role;
grant all on all tables in schema auth, storage to postgres;
grant all on all sequences in schema auth, storage to postgres;
grant all on all functions in schema auth, storage to postgres;
grant select on storage.objects to authenticated;
reset role;
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;
create publication supabase_realtime; alter publication supabase_realtime owner to postgres;`

/** What a project's own people made, as `postgres`. */
const project = `
do $$ begin if not exists (select from pg_roles where rolname = 'reporting') then create role reporting; end if; end $$;
set role postgres;
create table public.profiles (id uuid primary key references auth.users(id) on delete cascade, handle extensions.citext unique, karma int default 0);
create table public.posts (id bigint generated always as identity primary key, author uuid references public.profiles(id), body text);
create table public.closed (id serial primary key, note text);
revoke all on public.closed from anon, authenticated, service_role;
grant select on public.posts to reporting;
create view public.handles as select handle from public.profiles;
create index on public.posts (author);
create function public.handle_new_user() returns trigger language plpgsql security definer as $$
  begin insert into public.profiles (id, handle) values (new.id, new.email) on conflict do nothing; return new; end $$;
alter table public.posts enable row level security;
create policy "own posts" on public.posts for all to authenticated using (author = auth.uid()) with check (author = auth.uid());
create schema private; create table private.notes (id int primary key, body text);
comment on table public.posts is 'what people write';
create schema supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key);
insert into supabase_migrations.schema_migrations values ('20260101');
reset role;
set role supabase_admin;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
create policy "avatars" on storage.objects for select to authenticated using (bucket_id = 'avatars');
create trigger hook after insert on public.posts for each row execute function supabase_functions.http_request();
reset role;
alter publication supabase_realtime add table public.posts;
insert into auth.users (id, email) select ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, 'person' || i || '@example.org' from generate_series(1, 200) i;
insert into auth.identities (user_id, provider) select id, 'email' from auth.users;
insert into public.posts (author, body) select ('00000000-0000-0000-0000-' || lpad((1 + i % 200)::text, 12, '0'))::uuid, 'post ' || i from generate_series(1, 1000) i;
insert into public.closed (note) select 'note ' || i from generate_series(1, 10) i;
insert into private.notes values (1, 'quiet');
insert into storage.buckets values ('avatars', 'avatars'); insert into storage.objects (bucket_id, name) select 'avatars', i || '.png' from generate_series(1, 20) i;
insert into vault.secrets values (1, 'sealed'); insert into cron.job values (1, '* * * * *', 'select 1');
insert into auth.schema_migrations values ('20250101');`

/**
 * Gives a server the roles of a project, where `postgres` is no superuser.
 * @returns the address of the superuser, `supabase_admin`
 */
export async function dressServer(url: string): Promise<string> {
  await run(url, "create role supabase_admin superuser login password 'admin'")
  const adminUrl = Object.assign(new URL(url), { username: 'supabase_admin', password: 'admin' }).href
  await run(adminUrl, roles)
  return adminUrl
}

/** Makes a database that looks like a project; with `lived`, one whose people have made something. */
export async function makeProject(adminUrl: string, database: string, lived: boolean): Promise<void> {
  await run(adminUrl, `create database ${database} owner postgres`)
  const url = Object.assign(new URL(adminUrl), { pathname: `/${database}` }).href
  await run(url, platform)
  if (lived) await run(url, project)
}

export async function run(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(url)
  client.on('notice', () => {})
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}
