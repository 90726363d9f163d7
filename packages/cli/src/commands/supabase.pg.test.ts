import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLifeboat } from '@lifeboat/core'
import { type ScratchServer, startScratchServer } from '@lifeboat/core/scratch'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dressServer, makeProject, run } from '../../../provider-supabase/src/testing/dress-as-supabase.js'
import {
  type FakeSupabase,
  loginPassword,
  ref,
  startFakeSupabase,
  token,
} from '../../../provider-supabase/src/testing/fake-supabase.js'
import { runCli, type World } from '../testing/fake-io.js'

describe('the commands for Supabase, against a stand-in for its API and a server dressed as a project', () => {
  let folder: string
  let fake: FakeSupabase
  let server: ScratchServer
  let adminUrl: string
  let config: string
  const at = (url: string, database: string) => Object.assign(new URL(url), { pathname: `/${database}` }).href
  const env: Record<string, string> = { SUPABASE_ACCESS_TOKEN: token, SHOP_PASSPHRASE: 'correct horse' }
  const hidden = [token, loginPassword, 'correct horse', ':owner@', ':admin@']

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-supabase-cli-'))
    fake = await startFakeSupabase()
    server = await startScratchServer()
    adminUrl = await dressServer(server.url())
    await makeProject(adminUrl, 'old_project', true)
    env.SHOP_URL = at(adminUrl, 'old_project')
    Object.assign(process.env, env)
    config = `
      import { defineConfig, directory, secret } from '@lifeboat/core'
      import { supabase } from '@lifeboat/provider-supabase'
      export default defineConfig({ products: { shop: {
        objectives: { rpo: '24h' },
        source: { url: secret.env('SHOP_URL') },
        encryption: { passphrase: secret.env('SHOP_PASSPHRASE') },
        provider: supabase({
          projectRef: '${ref}', accessToken: secret.env('SUPABASE_ACCESS_TOKEN'), pollEveryMs: 1,
          apiUrl: '${fake.server.baseUrl}', statusUrl: '${fake.server.origin}',
        }),
        destinations: { local: { store: directory(${JSON.stringify(join(folder, 'store'))}) } },
      } } })`
  })
  beforeEach(() => {
    fake.reset()
    // The project's clock stands still: what is sent shows, and is over, at once.
    Object.assign(fake.state, { lagMs: 0, restoreMs: 0 })
  })
  afterEach(() => expect(fake.server.violations).toEqual([]))
  afterAll(async () => {
    for (const name of Object.keys(env)) delete process.env[name]
    await fake.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function cli(argv: readonly string[], world: World = {}) {
    const ran = await runCli(argv, { config, open: openLifeboat, ...world, env: { ...env, ...world.env } })
    for (const secret of hidden) expect(ran.stdout + ran.stderr).not.toContain(secret)
    return ran
  }
  const operations = () => readdir(join(folder, 'store', 'shop', 'operations')).catch(() => [])

  it('list --provider shows backups, window, schedule and restore point', async () => {
    const { status, stdout, stderr } = await cli(['list', '--provider'])
    expect([status, stderr]).toEqual([0, ''])
    for (const words of [
      `shop: supabase, project ${ref}`,
      'recovery to any instant from 2026-11-14T12:00:00.000Z to 2026-11-21T11:58:00.000Z',
      'makes a backup every day at 04:00:00 UTC',
      'restore point before-upgrade: AVAILABLE, of 2026-11-21T11:00:00.000Z',
    ])
      expect(stdout).toContain(words)
    expect(stdout).toMatch(/101 +physical +2026-11-19 .*COMPLETED +2026-11-26/)
    expect((await cli(['pitr', 'window', 'shop'])).stdout).toMatch(/^recovery to any instant from /)
  })

  it('shows the rest of a list where the token may not ask for all of it', async () => {
    fake.server.inject('v1-get-backup-schedule', { kind: 'answer', status: 403, body: { message: `no ${token}` } })
    const { status, stdout, stderr } = await cli(['list', '--provider'])
    expect([status, stdout]).toEqual([0, expect.stringContaining('restore point')])
    expect(stderr).toMatch(/^warning: .*403/)
  })

  it('pitr restore shows the plan, sends it once and follows it', async () => {
    const ran = await cli(['pitr', 'restore', 'shop', '--at', '2026-11-20T10:00:00.789Z', '--yes'])
    expect(ran.status).toBe(0)
    expect(ran.stderr).toMatch(/recover +project .* \(shop\)\nto +the instant 2026-11-20T10:00:00.000Z\ninto +in place/)
    expect(ran.stdout).toContain('all services are healthy')
    expect(fake.restores).toMatchObject([{ what: 'pitr 1795168800' }])
    expect(await operations()).toEqual([])
  })

  it('pitr restore outside the window sends nothing, and says where the window ends', async () => {
    const ran = await cli(['pitr', 'restore', 'shop', '--at', '2026-11-21T11:59:00Z', '--yes'])
    expect([ran.status, ran.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: .*outside the recovery window.*\nhint: /),
    ])
    expect(fake.restores).toEqual([])
  })

  it('a recovery that Ctrl-C leaves goes on, excludes another one, and is taken up by --resume', async () => {
    fake.state.restoreMs = Number.MAX_SAFE_INTEGER
    let interrupt = () => {}
    const stopped = cli(['pitr', 'restore', 'shop', '--backup', '102', '--yes'], {
      onStart: send => {
        interrupt = send
      },
    })
    const restoring = () => fake.server.requests.filter(one => one.operationId === 'v1-get-project').length
    const before = restoring()
    while (fake.restores.length === 0 || restoring() < before + 6) await new Promise(resolve => setTimeout(resolve, 5))
    interrupt()
    const { status, stderr } = await stopped
    expect([status, stderr]).toEqual([
      130,
      expect.stringMatching(/cancelled; the recovery goes on at supabase\nhint: .*--resume/),
    ])
    expect(await operations()).toEqual(['recovery.json'])
    const first = await cli(['pitr', 'restore', 'shop', '--backup', '101', '--yes'])
    expect([first.status, first.stderr]).toEqual([11, expect.stringContaining('--resume')])
    fake.state.restoreMs = 0
    const second = await cli(['pitr', 'restore', 'shop', '--backup', '101', '--yes'])
    expect([second.status, second.stderr]).toEqual([11, expect.stringContaining('--resume')])
    const resumed = await cli(['pitr', 'restore', 'shop', '--resume'])
    expect([resumed.status, resumed.stdout]).toEqual([0, expect.stringContaining(`project ${ref} (shop) to 102`)])
    expect([fake.restores.length, await operations()]).toEqual([1, []])
  })

  it('pitr mark makes a restore point, and pitr undo goes back to it', async () => {
    expect((await cli(['pitr', 'mark', 'shop', 'before-deploy'])).stdout).toContain(
      'lifeboat pitr undo shop before-deploy',
    )
    const undone = await cli(['pitr', 'undo', 'shop', 'before-deploy', '--yes'])
    expect([undone.status, undone.stderr]).toEqual([0, expect.stringContaining('the restore point before-deploy')])
    expect((await cli(['pitr', 'undo', 'shop', '--yes'])).status).toBe(0)
    expect(fake.restores.map(one => one.what)).toEqual(['undo before-deploy', 'undo before-deploy'])
    expect((await cli(['pitr', 'undo', 'shop', 'none', '--yes'])).status).toBe(10)
    for (const name of ['x'.repeat(21), '', 'a\nb']) expect((await cli(['pitr', 'mark', 'shop', name])).status).toBe(2)
  })

  it('root-key saves and puts back', async () => {
    expect((await cli(['root-key', 'save', 'shop'])).stdout).toContain('Vault')
    const { rootKey } = fake.state
    fake.state.rootKey = 'f'.repeat(64)
    expect((await cli(['root-key', 'put', 'shop', '--yes'])).status).toBe(0)
    expect(fake.state.rootKey).toBe(rootKey)
  })

  it('doctor tells what the provider says, and which way the address is', async () => {
    const { stdout } = await cli(['doctor', 'shop'])
    expect(stdout).toContain("is no address of Supabase's own")
    expect(stdout).toContain("Supabase's status page says minor, slow")
  })

  it('backs a project up and restores it into another one with the profile', async () => {
    await makeProject(adminUrl, 'new_project', false)
    const owner = Object.assign(new URL(server.url('new_project')), { username: 'postgres', password: 'owner' }).href
    expect((await cli(['backup', 'shop'])).status).toBe(0)
    const argv = ['restore', 'shop/latest', '--to', 'env:TARGET_URL', '--profile', 'supabase']
    const world = { env: { TARGET_URL: owner } }
    const dry = await cli([...argv, '--dry-run'], world)
    expect(dry.status).toBe(0)
    expect(dry.stdout).toMatch(/^ {2}keep {2}TABLE public\.posts$/m)
    expect(dry.stdout).toMatch(/^ {2}skip {2}TABLE auth\.users: managed-schema$/m)
    const posts = async () =>
      (await run(at(adminUrl, 'new_project'), "select to_regclass('public.posts') as t")).rows[0]
    expect(await posts()).toEqual({ t: null })
    const done = await cli([...argv, '--yes'], world)
    expect([done.status, done.stdout]).toEqual([0, expect.stringContaining('restored shop/')])
    expect(done.stderr).not.toContain('left out:')
    expect(await posts()).toEqual({ t: 'posts' })
    // One warning about owners: the plan's, not said again.
    expect(done.stderr.match(/will belong to postgres/g)).toHaveLength(1)
  })

  it('timeline names the window, the daily backups and the dump, each with its command', async () => {
    const { status, stdout } = await cli(['timeline', 'shop'])
    expect(status).toBe(0)
    for (const words of [
      /run {6}lifeboat pitr restore shop --at 2026-11-21T11:/,
      /or: the provider's backups at .*: lifeboat pitr restore shop --backup restore-point:before-upgrade/,
      /gone, too: point-in-time at supabase, project/,
      /needs {4}an access token of the Supabase account/,
    ])
      expect(stdout).toMatch(words)
    // The newest daily backup is a logical one, which the API does not restore.
    fake.state.points.clear()
    fake.server.inject('v1-get-restore-point', { kind: 'answer', status: 404, body: { message: 'none' } })
    expect((await cli(['timeline', 'shop'])).stdout).toContain('lifeboat pitr restore shop --backup 102')
  })

  it.each([
    ['a wrong token', 1, () => ({ SUPABASE_ACCESS_TOKEN: `sbp_${'f'.repeat(40)}` }), 'make a new one'],
    ['no token', 2, () => ({ SUPABASE_ACCESS_TOKEN: '' }), 'SUPABASE_ACCESS_TOKEN'],
  ] as const)('says of %s what to do', async (_what, status, change, words) => {
    Object.assign(process.env, change())
    try {
      for (const argv of [
        ['list', '--provider'],
        ['pitr', 'window', 'shop'],
        ['pitr', 'mark', 'shop', 'x'],
      ]) {
        const ran = await cli(argv)
        expect([argv, ran.status]).toEqual([argv, status])
        expect(ran.stderr).toMatch(/^error: .*\nhint: /)
        expect(ran.stderr).toContain(words)
        expect(ran.stderr).not.toContain('sbp_')
      }
    } finally {
      process.env.SUPABASE_ACCESS_TOKEN = token
    }
  })
})
