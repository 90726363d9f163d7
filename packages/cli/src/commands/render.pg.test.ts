import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openLifeboat } from '@lifeboat/core'
import { ensurePgClient } from '@lifeboat/testkit/postgres'
import { type RenderService, startRenderService } from '@lifeboat/testkit/render-service'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { runCli } from '../testing/fake-io.js'

const exec = promisify(execFile)
const server = new URL(inject('postgres').url)
const urlOf = (database: string) => Object.assign(new URL(server), { pathname: `/${database}` }).href
const source = 'render_cli_shop'

async function query(database: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  return client.query(sql).finally(() => client.end())
}

describe('the commands for Render, against a stand-in for its API', () => {
  let folder: string
  let service: RenderService
  let config: string
  const env = {
    RENDER_API_KEY: 'rnd_0123456789abcdefABCDEF',
    SHOP_PASSPHRASE: 'correct horse',
    SHOP_URL: urlOf(source),
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-render-cli-'))
    await query('postgres', `create database ${source}`)
    await query(source, 'create table orders (id int primary key); insert into orders select generate_series(1, 700)')
    const tools = await ensurePgClient(inject('postgres').major)
    await exec(join(tools, 'pg_dump'), ['-Fd', '-f', join(folder, 'x.dir'), urlOf(source)])
    await exec('tar', ['czf', join(folder, 'x.tar.gz'), '-C', folder, 'x.dir'])
    const exported = await readFile(join(folder, 'x.tar.gz'))
    service = await startRenderService({
      ...{ startMs: Date.now(), recoveryLooks: () => 0, exportLooks: () => 0, serviceLooks: () => 0 },
      exportBytes: () => exported,
      // The recovered instance is a database that is really there.
      addressOf: () => `${urlOf(source)}?sslmode=disable`,
    })
    Object.assign(process.env, env)
    config = `
      import { defineConfig, directory, secret } from '@lifeboat/core'
      import { render } from '@lifeboat/provider-render'
      export default defineConfig({ products: { shop: {
        objectives: { rpo: '1h', rto: '4h' },
        source: { url: secret.env('SHOP_URL') },
        encryption: { passphrase: secret.env('SHOP_PASSPHRASE') },
        provider: render({
          postgresId: '${service.sourceId}', apiKey: secret.env('RENDER_API_KEY'), services: ['srv-web'],
          apiUrl: '${service.server.baseUrl}', statusUrl: '${service.server.origin}',
        }),
        destinations: { local: { store: directory(${JSON.stringify(join(folder, 'store'))}) } },
        verify: { criticalTables: ['orders'] },
      } } })`
  })

  afterAll(async () => {
    for (const name of Object.keys(env)) delete process.env[name]
    await service.close()
    await rm(folder, { recursive: true, force: true })
    for (const name of [source, 'render_cli_back', 'render_cli_paused'])
      await query('postgres', `drop database if exists ${name} with (force)`)
  })

  const cli = (argv: readonly string[], more: Record<string, string> = {}) =>
    runCli(argv, { config, open: openLifeboat, env: { ...env, ...more } })

  it('export stores what Render exports, and restore brings it back', async () => {
    const made = await cli(['export', 'shop', '--json'])
    expect([made.status, made.stderr]).toEqual([0, expect.not.stringContaining('s3cr3t')])
    const { results } = made.json() as { results: { exports: { mirrored: { id: string } }[] }[] }
    const { id } = results[0]!.exports[0]!.mirrored
    expect((await cli(['verify', `shop/${id}`])).status).toBe(0)
    const target = { TARGET_URL: urlOf('render_cli_back') }
    const back = await cli(['restore', `shop/${id}`, '--to', 'env:TARGET_URL', '--create', '--yes'], target)
    expect(back.status).toBe(0)
    expect((await query('render_cli_back', 'select count(*)::int as n from orders')).rows).toEqual([{ n: 700 }])
    const again = await cli(['export', 'shop', '--existing'])
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('it is stored already')])
  })

  it('rehearse counts the critical tables in a new instance, and removes it', async () => {
    const ran = await cli(['rehearse', 'shop'])
    expect([ran.status, ran.stdout]).toEqual([0, expect.stringContaining('1 critical tables with 700 rows')])
    expect(ran.stderr).toContain('billed by Render')
    expect(service.deleted).toHaveLength(1)
    expect([...service.instances.keys()]).toEqual([service.sourceId])
  })

  it('pitr shows the window, and recovers into a new instance that stays', async () => {
    expect((await cli(['pitr', 'window', 'shop'])).status).toBe(0)
    const at = new Date(service.now() - 3_600_000).toISOString()
    const ran = await cli(['pitr', 'restore', 'shop', '--at', at, '--yes'])
    expect([ran.status, ran.stderr]).toEqual([0, expect.stringContaining('billed by Render')])
    const made = [...service.instances.values()].find(one => one.recoveredFrom !== null)!
    expect(made.restoreTime).toBe(at)
    expect(ran.stdout).toContain(made.id)
    expect(ran.stdout).not.toContain(server.password)
    service.instances.delete(made.id)
    expect((await cli(['list', '--provider'])).stdout).toContain(service.exports[0]!.id)
  })

  it('pause and resume turn the services, and doctor tells of a pause', async () => {
    expect((await cli(['pause', 'shop'])).stdout).toContain('paused srv-web')
    expect(service.services.get('srv-web')!.suspended).toBe('suspended')
    expect((await cli(['doctor', 'shop'])).stdout).toContain('srv-web is paused since')
    expect((await cli(['resume', 'shop'])).stdout).toContain('resumed srv-web')
    expect(service.services.get('srv-web')!.suspended).toBe('not_suspended')
  })

  it('restore --pause pauses what writes, and resumes it at the end', async () => {
    await cli(['backup', 'shop'])
    const suspends = () => service.server.requests.filter(one => one.operationId === 'suspend-service').length
    const before = suspends()
    const target = { TARGET_URL: urlOf('render_cli_paused') }
    const done = await cli(['restore', 'shop/latest', '--to', 'env:TARGET_URL', '--create', '--pause', '--yes'], target)
    expect([done.status, suspends()]).toEqual([0, before + 1])
    expect(service.services.get('srv-web')!.suspended).toBe('not_suspended')
    expect(await readdir(join(folder, 'store', 'shop', 'pauses')).catch(() => [])).toEqual([])
  })

  it('timeline answers for each loss with the command that recovers', async () => {
    const shown = await cli(['timeline', 'shop'])
    expect(shown.status).toBe(0)
    for (const words of [
      /a bad migration an hour ago: .*1\.0 s of data lost/,
      /run {6}lifeboat pitr restore shop --at \d{4}-/,
      /the database deleted: /,
      /run {6}lifeboat restore shop\/\d{8}T\d{6}Z-\w{6} --destination local --to env:TARGET_URL --create/,
      /needs {4}the passphrase \(environment variable SHOP_PASSPHRASE\)/,
      /gone, too: point-in-time at render, instance dpg-source/,
    ])
      expect(shown.stdout).toMatch(words)
    const { timelines } = (await cli(['timeline', '--json'])).json() as { timelines: { losses: unknown[] }[] }
    expect(timelines[0]!.losses).toHaveLength(6)
  })

  it('said nothing secret, and departed from the OpenAPI document nowhere', async () => {
    service.server.inject('retrieve-postgres-recovery-info', {
      kind: 'answer',
      status: 403,
      body: { message: `no: ${env.RENDER_API_KEY}` },
    })
    const refused = await cli(['rehearse', 'shop'])
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('hint:')])
    expect(refused.stderr).not.toContain('rnd_')
    expect(service.server.violations).toEqual([])
  })
})
