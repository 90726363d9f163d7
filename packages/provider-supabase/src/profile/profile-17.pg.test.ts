import { memoryStore, openLifeboat, secret } from '@lifeboat/core'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import { ensurePgClient } from '@lifeboat/testkit/postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { dressServer, makeProject, run } from '../testing/dress-as-supabase.js'
import { supabaseProfile } from './supabase-profile.js'

/*
 * The newest major that Supabase gives. Beside profiles.pg.test.ts, which runs on 15: roles may do other things since 16,
 * and pg_restore 17 says things that a server of its own major understands.
 */

let server: ScratchServer
beforeAll(async () => {
  server = await startScratchServer({ major: 17 })
})
afterAll(() => server.stop())

const owned = (database: string) =>
  Object.assign(new URL(server.url(database)), { username: 'postgres', password: 'owner' }).href

it('a project on Postgres 17 or newer is restored by its owner without an unexplained error', async () => {
  expect(server.major).toBeGreaterThanOrEqual(17)
  const adminUrl = await dressServer(server.url())
  const at = (database: string) => Object.assign(new URL(adminUrl), { pathname: `/${database}` }).href
  await makeProject(adminUrl, 'old_project', true)
  await makeProject(adminUrl, 'new_project', false)
  const folder = await ensurePgClient(server.major)
  const tools = { folder, major: server.major, version: String(server.major) }
  const lifeboat = await openLifeboat(
    {
      products: {
        shop: {
          source: { url: secret.value(at('old_project')) },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { memory: { store: memoryStore() } },
        },
      },
    },
    { deps: { findPgTools: async () => [tools] } },
  )
  await lifeboat.backup('shop')
  const warnings: string[] = []
  const { plan } = await lifeboat.restore('shop/latest', {
    to: owned('new_project'),
    profile: supabaseProfile,
    onEvent: event => {
      if (event.type === 'warning.raised') warnings.push(event.message)
    },
  })
  const count = async (sql: string) => (await run(at('new_project'), `select (${sql}) as value`)).rows[0]?.value
  const rows = (table: string) => count(`select count(*)::int from ${table}`)
  expect([await rows('public.posts'), await rows('auth.users'), await rows('storage.objects')]).toEqual([1000, 200, 20])
  expect(await count("select count(*)::int from pg_policies where policyname = 'own posts'")).toBe(1)
  expect(
    await count("select tgname::text from pg_trigger where tgrelid = 'auth.users'::regclass and not tgisinternal"),
  ).toBe('on_auth_user_created')
  expect(await count("has_table_privilege('reporting', 'public.posts', 'select')")).toBe(true)
  expect(await count("select rolsuper from pg_roles where rolname = 'postgres'")).toBe(false)
  expect(warnings.filter(one => !/will belong to postgres|loaded, but not counted/.test(one))).toEqual([])
  expect(plan.skipped.filter(one => one.reason.startsWith('it needs'))).toEqual([])
})
