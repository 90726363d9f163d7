import {
  type BackupProvider,
  isBackupError,
  type Lifeboat,
  memoryStore,
  openLifeboat,
  type RestorePlan,
  secret,
} from '@lifeboat/core'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import { memoryProvider } from '@lifeboat/core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dressServer, makeProject, run } from '../testing/dress-as-supabase.js'
import { plainProfile } from './plain-profile.js'
import { supabaseProfile } from './supabase-profile.js'

let supabaseServer: ScratchServer
let plainServer: ScratchServer
let adminUrl: string
let lifeboat: Lifeboat

beforeAll(async () => {
  ;[supabaseServer, plainServer] = await Promise.all([startScratchServer({ major: 15 }), startScratchServer()])
  adminUrl = await dressServer(supabaseServer.url())
  await makeProject(adminUrl, 'old_project', true)
  await run(plainServer.url(), "create role owner login createdb createrole password 'owner'")
  lifeboat = await openLifeboat({
    products: {
      shop: {
        source: { url: secret.value(at(adminUrl, 'old_project')) },
        encryption: { passphrase: secret.value('correct horse battery') },
        destinations: { memory: { store: memoryStore() } },
      },
    },
  })
  await lifeboat.backup('shop')
})
afterAll(async () => {
  await Promise.all([supabaseServer?.stop(), plainServer?.stop()])
})

/** The address as the one who owns the database and is no superuser. */
function ownerUrl(server: ScratchServer, user: string, database: string): string {
  return Object.assign(new URL(server.url(database)), { username: user, password: 'owner' }).href
}

function at(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href
}

async function scalar(server: ScratchServer, database: string, sql: string): Promise<unknown> {
  const { rows } = await run(
    server === supabaseServer ? at(adminUrl, database) : server.url(database),
    `select (${sql}) as value`,
  )
  return rows[0]?.value
}

function reasonsOf(plan: RestorePlan): Record<string, string[]> {
  const reasons: Record<string, string[]> = {}
  for (const { entry, reason } of plan.skipped) {
    reasons[reason] ??= []
    reasons[reason].push(entry)
  }
  return reasons
}

describe('the profile for Supabase', () => {
  it('restores into a new project, as its owner who is no superuser, without an error', async () => {
    await makeProject(adminUrl, 'new_project', false)
    const to = ownerUrl(supabaseServer, 'postgres', 'new_project')
    const warnings: string[] = []
    const { plan } = await lifeboat.restore('shop/latest', {
      to,
      profile: supabaseProfile,
      onEvent: event => {
        if (event.type === 'warning.raised') warnings.push(event.message)
      },
    })

    const count = (sql: string) => scalar(supabaseServer, 'new_project', sql)
    expect(await count('select count(*)::int from public.posts')).toBe(1000)
    expect(await count('select count(*)::int from public.profiles')).toBe(200)
    expect(await count('select count(*)::int from auth.users')).toBe(200)
    expect(await count('select count(*)::int from auth.identities')).toBe(200)
    expect(await count("select nextval('auth.identities_id_seq')::int")).toBe(201)
    expect(await count('select count(*)::int from storage.objects')).toBe(20)
    expect(await count('select count(*)::int from supabase_migrations.schema_migrations')).toBe(1)
    // The target's own stay.
    expect(await count("select string_agg(version, ',') from auth.schema_migrations")).toBe('20240101')
    expect(await count('select count(*)::int from cron.job')).toBe(0)
    expect(await count('select count(*)::int from vault.secrets')).toBe(0)
    expect(await count("select count(*)::int from pg_event_trigger where evtname = 'pgrst_ddl_watch'")).toBe(1)
    // What hangs on the platform is there and works.
    expect(
      await count(
        "select count(*)::int from pg_constraint where confrelid = 'auth.users'::regclass and conrelid = 'public.profiles'::regclass",
      ),
    ).toBe(1)
    expect(
      await count("select tgname::text from pg_trigger where tgrelid = 'auth.users'::regclass and not tgisinternal"),
    ).toBe('on_auth_user_created')
    expect(await count("select count(*)::int from pg_policies where policyname = 'own posts'")).toBe(1)
    expect(
      await count("select string_agg(tablename, ',') from pg_publication_tables where pubname = 'supabase_realtime'"),
    ).toBe('posts')
    expect(await count("select pg_get_userbyid(relowner) from pg_class where oid = 'public.posts'::regclass")).toBe(
      'postgres',
    )

    // Whatever is said is accounted for: nothing that pg_restore complained of.
    expect(warnings.filter(one => one.startsWith('left out:'))).toEqual([])
    expect(warnings.filter(one => !/will belong to postgres|loaded, but not counted/.test(one))).toEqual([])
    expect(Object.keys(reasonsOf(plan)).filter(one => one.startsWith('it needs'))).toEqual([])
    expect(Object.keys(reasonsOf(plan)).sort()).toEqual([
      'cron-job',
      'default-privileges',
      'event-trigger',
      'extension-comment',
      'in-target',
      'managed-schema',
      'migration-note',
      'policy-on-managed-table',
      'publication',
      'vault-secret',
    ])
    expect(plan.profile?.kept.some(one => one.kind === 'TABLE' && one.name === 'posts')).toBe(true)
  })

  it('opens nothing that the source had closed, and leaves the source’s default privileges', async () => {
    const may = (role: string, table: string) =>
      scalar(supabaseServer, 'new_project', `has_table_privilege('${role}', '${table}', 'select')`)
    expect(await may('anon', 'public.closed')).toBe(false)
    expect(await may('anon', 'public.posts')).toBe(true)
    expect(await may('reporting', 'public.posts')).toBe(true)
    await run(ownerUrl(supabaseServer, 'postgres', 'new_project'), 'create table public.later (id int)')
    expect(await may('anon', 'public.later')).toBe(true)
  })

  it('leaves the target’s default privileges where the backup has none of its own', async () => {
    await makeProject(adminUrl, 'filled_project', false)
    const to = ownerUrl(supabaseServer, 'postgres', 'filled_project')
    await run(plainServer.url(), 'create database elsewhere')
    await run(plainServer.url('elsewhere'), 'create table things (id int)')
    const other = await openLifeboat({
      products: {
        other: {
          source: { url: secret.value(plainServer.url('elsewhere')) },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { memory: { store: memoryStore() } },
        },
      },
    })
    await other.backup('other')
    await other.restore('other/latest', { to, profile: supabaseProfile })
    await run(to, 'create table public.probe (id int)')
    const may = (table: string) =>
      scalar(supabaseServer, 'filled_project', `has_table_privilege('anon', 'public.${table}', 'select')`)
    expect([await may('things'), await may('probe')]).toEqual([false, true])
  })

  it('is needed: without it the same restore is refused or fails', async () => {
    await makeProject(adminUrl, 'bare_project', false)
    const to = ownerUrl(supabaseServer, 'postgres', 'bare_project')
    const failures = []
    for (const overwrite of [false, true]) {
      const error: unknown = await lifeboat.restore('shop/latest', { to, overwrite }).catch((thrown: unknown) => thrown)
      failures.push(isBackupError(error) ? error.code : String(error))
    }
    expect(failures[0]).toBe('target-not-empty')
    expect(['restore-failed', 'database-refused']).toContain(failures[1])
  })

  it('puts the target’s default privileges back when the restore fails', async () => {
    await makeProject(adminUrl, 'failing_project', false)
    const to = ownerUrl(supabaseServer, 'postgres', 'failing_project')
    // A view in the way, which nobody counts on.
    const controller = new AbortController()
    const failing = lifeboat.restore('shop/latest', {
      to,
      profile: supabaseProfile,
      signal: controller.signal,
      onEvent: event => {
        if (event.type === 'step.finished' && event.step === 'prepare the target') controller.abort()
      },
    })
    await expect(failing).rejects.toMatchObject({ code: 'cancelled' })
    await run(to, 'create table public.probe (id int)')
    expect(
      await scalar(supabaseServer, 'failing_project', "has_table_privilege('anon', 'public.probe', 'insert')"),
    ).toBe(true)
  })

  it('refuses a project that is read-only, before anything is changed', async () => {
    await run(adminUrl, 'alter database bare_project set default_transaction_read_only = on')
    const to = ownerUrl(supabaseServer, 'postgres', 'bare_project')
    await expect(lifeboat.planRestore('shop/latest', { to, profile: supabaseProfile })).rejects.toMatchObject({
      code: 'target-unfit',
      hint: expect.stringContaining('disk is full'),
    })
  })
})

describe('the profile for a Postgres that is no Supabase', () => {
  it('restores the grants to roles that are there, where the login may not make the others', async () => {
    await run(plainServer.url(), "create role limited login createdb password 'owner'; create role reporting")
    const warnings: string[] = []
    const { plan } = await lifeboat.restore('shop/latest', {
      to: ownerUrl(plainServer, 'limited', 'limited'),
      create: true,
      profile: plainProfile,
      onEvent: event => {
        if (event.type === 'warning.raised') warnings.push(event.message)
      },
    })
    const may = (role: string, table: string) =>
      scalar(plainServer, 'limited', `has_table_privilege('${role}', '${table}', 'select')`)
    expect([await may('reporting', 'public.posts'), await may('reporting', 'public.closed')]).toEqual([true, false])
    expect(reasonsOf(plan)['missing-role']).toContainEqual(expect.stringContaining('POLICY'))
    expect(reasonsOf(plan)['missing-role']).not.toContainEqual(expect.stringContaining('TABLE posts'))
    expect(warnings.filter(one => one.startsWith('left out:'))).toEqual([])
    expect(warnings).toContainEqual(expect.stringMatching(/^grants to .*anon.* are left out: no such role/))
  })

  it('keeps auth as data, makes the roles that are missing, and leaves the rest of the platform behind', async () => {
    const warnings: string[] = []
    const { plan } = await lifeboat.restore('shop/latest', {
      to: ownerUrl(plainServer, 'owner', 'moved'),
      create: true,
      profile: plainProfile,
      onEvent: event => {
        if (event.type === 'warning.raised') warnings.push(event.message)
      },
    })
    const count = (sql: string) => scalar(plainServer, 'moved', sql)
    expect(await count('select count(*)::int from auth.users')).toBe(200)
    expect(await count('select count(*)::int from public.posts')).toBe(1000)
    expect(await count("select count(*)::int from pg_policies where policyname in ('own posts', 'avatars')")).toBe(2)
    expect(await count("select rolcanlogin from pg_roles where rolname = 'authenticated'")).toBe(false)
    expect(await count("select count(*)::int from pg_namespace where nspname in ('vault', 'cron', 'realtime')")).toBe(0)
    expect(await count("select to_regprocedure('auth.uid()') is not null")).toBe(true)
    expect(warnings.filter(one => !/will belong to owner/.test(one))).toEqual([])
    expect(Object.keys(reasonsOf(plan)).sort()).toEqual([
      'cron-job',
      'default-privileges',
      'event-trigger',
      'extension-comment',
      expect.stringMatching(/^it needs FUNCTION supabase_functions.http_request/),
      expect.stringMatching(/^it needs PUBLICATION supabase_realtime/),
      'platform-schema',
      'publication',
    ])
  })
})

describe('a source whose address the provider gives', () => {
  it('is dumped with credentials that no configuration holds, and known as the source', async () => {
    let asked = 0
    const url = at(adminUrl, 'old_project')
    const provider: BackupProvider = {
      ...memoryProvider(),
      connecting: {
        async connect() {
          asked++
          return {
            url: secret.value(`${url}?options=-c%20role%3Dsupabase_admin`),
            way: 'direct',
            expiresAt: null,
            notes: [],
          }
        },
      },
    }
    const given = await openLifeboat({
      products: {
        shop: {
          source: { url: 'provider', schemas: ['private'] },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { memory: { store: memoryStore() } },
          provider,
        },
      },
    })
    expect((await given.backup('shop')).manifest.tables?.map(one => one.name)).toEqual(['notes'])
    expect(asked).toBe(1)
    await expect(given.planRestore('shop/latest', { to: url, overwrite: true })).rejects.toMatchObject({
      code: 'target-is-source',
    })
  })
})
