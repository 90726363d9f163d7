import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { directory, type Lifeboat, openLifeboat, secret } from '@lifeboat/core'
import pg from 'pg'
import { build } from 'tsup'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { nodeDeps } from '../../core/src/deps.js'
import { configOf, type MaintenanceOrder } from './maintenance-run.js'
import type {} from './provided-postgres.js'
import { type RenderService, startRenderService } from './render-service.js'

/*
 * A restore that paused the services and was killed by a real SIGKILL: nobody is left who would resume them. The next
 * `doctor` does, or the next restore with `resume`, once the dead one's lease is over, and not before.
 */

const leaseMs = 600_000
const server = inject('postgres')
const urlOf = (database: string) => Object.assign(new URL(server.url), { pathname: `/${database}` }).href
const databases = ['killed_restore_shop', 'killed_restore_back', 'killed_restore_again']

let folder: string
let service: RenderService
let order: MaintenanceOrder

async function query(database: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  return client.query(sql).finally(() => client.end())
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-killed-restore-'))
  service = await startRenderService({ startMs: Date.now(), serviceLooks: () => 0 })
  await query('postgres', 'create database killed_restore_shop')
  await query('killed_restore_shop', 'create table orders as select generate_series(1, 300) as id')
  const tools = (await nodeDeps().findPgTools()).find(one => one.major >= server.major)!
  const passphrase = 'correct horse battery'
  const source = await openLifeboat({
    products: {
      shop: {
        source: { url: secret.value(urlOf('killed_restore_shop')) },
        encryption: { passphrase: secret.value(passphrase) },
        destinations: { local: { store: directory(join(folder, 'store')) } },
      },
    },
  })
  const { id } = await source.backup('shop')
  order = {
    ...{ backup: `shop/${id}`, folder: join(folder, 'store'), to: urlOf('killed_restore_back'), passphrase, leaseMs },
    ...{ apiUrl: service.server.baseUrl, postgresId: service.sourceId, apiKey: service.token, dieAt: 'never' },
    pgTools: { folder: tools.folder, major: tools.major, version: tools.version },
  }
  const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
  await build({
    ...{ entry: [at('maintenance-run.ts')], outDir: join(folder, 'run'), format: 'esm', target: 'node20' },
    ...{ config: false, silent: true, noExternal: [/.*/], external: ['pg-native'] },
    // What is bundled may still call require().
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    esbuildOptions: options => {
      options.alias = {
        '@lifeboat/core/http': at('../../core/src/http/index.ts'),
        '@lifeboat/core': at('../../core/src/index.ts'),
        '@lifeboat/provider-render': at('../../provider-render/src/index.ts'),
      }
      options.outExtension = { '.js': '.mjs' }
    },
  })
})
afterAll(async () => {
  await service.close()
  for (const name of databases) await query('postgres', `drop database if exists ${name} with (force)`)
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => service.reset())
afterEach(async () => {
  expect(service.server.violations).toEqual([])
  for (const name of databases.slice(1)) await query('postgres', `drop database if exists ${name} with (force)`)
})

/** Runs the restore in a process of its own, which dies there. */
async function killedAt(dieAt: MaintenanceOrder['dieAt']): Promise<void> {
  const child = spawn(process.execPath, [join(folder, 'run', 'maintenance-run.mjs'), '--obey'])
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  const ended = new Promise(resolve => child.once('close', resolve))
  child.stdin.end(`${JSON.stringify({ ...order, dieAt })}\n`)
  await ended
  expect([child.signalCode, said]).toEqual(['SIGKILL', 'ready\n'])
}

const opened = (aheadMs: number): Promise<Lifeboat> =>
  openLifeboat(configOf(order), {
    deps: {
      now: () => new Date(Date.now() + aheadMs),
      lockLeaseMs: leaseMs,
      findPgTools: async () => [order.pgTools],
    },
  })
const isPaused = () => service.services.get('srv-web')!.suspended === 'suspended'
const notes = () => readdir(join(folder, 'store', 'shop', 'pauses')).catch(() => [])
const aboutServices = async (aheadMs: number) =>
  (await (await opened(aheadMs)).doctor('shop')).filter(one => /paused/.test(one.message)).map(one => one.message)

describe('a restore with paused services whose process is killed', () => {
  it.each([
    ['before /suspend', false],
    ['after /suspend', true],
    ['definitions and rows', true],
    ['before /resume', true],
  ] as const)('%s: doctor resumes what it left, when its lease is over', async (dieAt, leftPaused) => {
    await killedAt(dieAt)
    // The service turns within the request that asks how it is.
    await (await opened(0)).doctor('shop')
    expect(await notes()).toHaveLength(1)
    await expect((await opened(0)).resume('shop')).rejects.toMatchObject({ code: 'locked' })
    if (dieAt !== 'after /suspend') expect(isPaused()).toBe(leftPaused)
    expect(await aboutServices(leaseMs + 1000)).toEqual([
      expect.stringMatching(/^resumed srv-web: a restore of .* died/),
    ])
    expect([isPaused(), await notes()]).toEqual([false, []])
    expect(await aboutServices(leaseMs + 1000)).toEqual([])
  })

  it('is taken over by a restore with resume, at whose end they run again', async () => {
    await killedAt('definitions and rows')
    expect(isPaused()).toBe(true)
    const lifeboat = await opened(leaseMs + 1000)
    const seen: boolean[] = []
    await lifeboat.restore(order.backup, {
      ...{ to: urlOf('killed_restore_again'), create: true, resume: true },
      onEvent: event => {
        if (event.type === 'step.started') seen.push(isPaused())
      },
    })
    expect(new Set(seen)).toEqual(new Set([true]))
    expect([isPaused(), await notes()]).toEqual([false, []])
    expect((await query('killed_restore_again', 'select count(*)::int as n from orders')).rows).toEqual([{ n: 300 }])
  })
})
