import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { build } from 'tsup'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { queueMetrics, renderMetrics } from '../../../core/src/metrics/index.js'
import { openQueue, type RunQueue } from '../../../core/src/queue/index.js'
import type {} from '../provided-postgres.js'
import type { WorkerOrder } from './mortal-worker.js'

const products = 200
const workers = 3

let folder: string
let bundle: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-queue-'))
  bundle = await bundleWorker(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('3 workers that are killed at random, and 200 products', () => {
  // A whole backup takes half a second of CPU: 200 of them are for a nightly run.
  const long = process.env.LIFEBOAT_TEST_LONG === '1'
  const works: WorkerOrder['work'][] = long ? ['light', 'backup'] : ['light']
  const guard = long ? { timeout: 3_600_000 } : {}
  it.each(works)('lose nothing and do nothing twice (%s)', guard, async work => {
    const place = await makePlace(`queue_${work}`)
    const order: WorkerOrder = {
      ...{ queueUrl: place.url, databaseUrl: place.url, folder: join(folder, work), products, work },
      ...{ lightMs: 150, leaseMs: work === 'light' ? 1_500 : 10_000 },
    }
    const fleet = startFleet(order)
    try {
      const kills = await killWhileWorking(place, fleet)
      // Every one of them is also a scheduler, and adds the same runs.
      expect(await place.count('select count(*) from lifeboat_queue.run')).toBe(products)
      const states = await place.rows('select state, count(*)::int from lifeboat_queue.overview group by state')
      expect(states).toEqual([{ state: 'ok', count: products }])
      const finished = 'select count(*)::int as times from finished group by product having count(*) <> 1'
      expect(await place.rows(finished), 'each result recorded once').toEqual([])
      if (work === 'light') {
        expect(await place.count('select count(*) from effect')).toBe(products)
        expect(await place.count('select count(distinct product) from effect')).toBe(products)
      } else {
        const made = await Promise.all(names().map(name => countBackups(join(order.folder, name))))
        expect(made.filter(count => count !== 1)).toEqual([])
      }
      // The kills met workers at work: more was begun than there was to do.
      const begun = await place.count('select count(*) from begun')
      expect(begun).toBeGreaterThan(products)
      console.log(`${work}: ${kills} workers killed, ${begun - products} runs cut short and done by another`)
    } finally {
      await fleet.killAll()
    }
  })
})

it('a run that failed for good is seen in the list, and waits again when it is told to', async () => {
  const place = await makePlace('queue_retry')
  const queue = await openQueue(place.url, { retries: 0, retryDelaySeconds: 1, leaseMs: 60_000 })
  try {
    const due = { product: 'shop', job: 'backup', dueAt: new Date('2026-11-21T02:00:00Z') } as const
    expect([await queue.add(due, due.dueAt), await queue.add(due, due.dueAt)]).toEqual([true, false])
    // A run that was due long ago is kept as long as any other: pg-boss counts from when it may begin.
    const old = { ...due, product: 'old', dueAt: new Date('2024-02-29T02:00:00Z') }
    expect(await queue.add(old, old.dueAt)).toBe(true)
    expect(await place.count('select count(*) from lifeboat_queue.job where keep_until < now()')).toBe(0)
    await place.rows("delete from lifeboat_queue.job where data->>'product' = 'old'")
    await place.rows("delete from lifeboat_queue.run where product = 'old'")
    const failed = {
      what: 'failed',
      destination: null,
      severity: 'critical',
      code: 'store-full',
      message: 'no space',
      hint: null,
    } as const
    const at = {
      startedAt: '2026-11-21T02:00:00.000Z',
      finishedAt: '2026-11-21T02:00:01.000Z',
      destinations: null,
      live: false,
    }
    const outcome = {
      product: 'shop',
      job: 'backup',
      ...at,
      result: 'failed',
      failures: [failed],
      summary: 'no space',
    } as const
    const run = (await queue.take())!
    expect(run).toMatchObject({ ...due, attempt: 0, retryLeft: false })
    expect(await queue.take()).toBeUndefined()
    expect([await queue.awaitsBackup('shop'), await queue.awaitsBackup('other')]).toEqual([true, false])
    expect(await queue.renew(run)).toBe(true)
    expect(await queue.list()).toMatchObject([{ product: 'shop', state: 'running', attempts: 1, summary: null }])
    expect(await queue.end(run, { kind: 'failed', outcome })).toBe(true)
    expect(await queue.end(run, { kind: 'finished', outcome }), 'ended twice').toBe(false)
    expect(await queue.renew(run)).toBe(false)
    const [row] = await queue.list()
    expect(row).toMatchObject({ state: 'failed', summary: 'no space' })
    expect(await queue.retry(row!.id)).toBe(true)
    expect(await queue.retry(row!.id)).toBe(false)
    expect(await queue.list({ open: true })).toMatchObject([{ state: 'waiting' }])
    const again = (await queue.take())!
    expect(await queue.end(again, { kind: 'put-back', afterMs: 0, why: 'stopped' })).toBe(true)
    const third = (await queue.take())!
    expect(await queue.end(third, { kind: 'finished', outcome: { ...outcome, result: 'ok', failures: [] } })).toBe(true)
    expect(await queue.list()).toMatchObject([{ state: 'ok', finishedAt: expect.any(Date) }])
    expect(await queue.awaitsBackup('shop')).toBe(false)
    expect(await queue.add(due, due.dueAt), 'added again after it was done').toBe(false)
  } finally {
    await queue.close()
  }
})

it('its metrics tell how many runs are in each state, and how long the oldest has waited that may begin', async () => {
  const place = await makePlace('queue_metrics')
  const queue = await openQueue(place.url, { retries: 5, retryDelaySeconds: 600, leaseMs: 60_000 })
  try {
    expect(await pageOf(queue)).toEqual({ up: 1, waiting: 0, running: 0, ok: 0, partial: 0, failed: 0, oldest: 0 })
    const due = (product: string) => ({ product, job: 'backup' as const, dueAt: new Date('2026-11-21T02:00:00Z') })
    for (const product of ['a', 'b', 'c']) await queue.add(due(product), due(product).dueAt)
    // Not yet: nobody waits for it.
    await queue.add(due('later'), new Date(Date.now() + 86_400_000))
    const age = (product: string, column: string, ago: string) =>
      place.rows(
        `update lifeboat_queue.job set ${column} = now() - interval '${ago}' where data->>'product' = '${product}'`,
      )
    await age('b', 'start_after', '2 hours')
    const waits = await pageOf(queue)
    expect(waits).toMatchObject({ waiting: 4, running: 0 })
    expect(waits.oldest).toBeGreaterThanOrEqual(7200)
    expect(waits.oldest).toBeLessThan(9000)
    const oldest = (await queue.take())!
    await age('a', 'start_after', '1 day')
    await queue.take()
    await age('c', 'start_after', '-1 hour')
    expect(await pageOf(queue)).toMatchObject({ waiting: 2, running: 2, oldest: 0 })
    // A worker that died, and nobody there to take its run over.
    await age(oldest.product, 'started_on', '3 hours')
    expect((await pageOf(queue)).oldest).toBeGreaterThan(10_000)
  } finally {
    await queue.close()
  }
  expect(await pageOf(queue, 'postgres://nobody@127.0.0.1:9/none')).toEqual({ up: 0 })
})

/** What the page says of a queue; of one at another address, where that is named. */
async function pageOf(queue: RunQueue, elsewhere?: string): Promise<Record<string, number>> {
  const read = elsewhere === undefined ? () => queue.totals() : async () => (await openQueue(elsewhere)).totals()
  const checkedAt = new Date().toISOString()
  const page = await renderMetrics({ version: 1, checkedAt, state: 'ok', products: [] }, [queueMetrics(read)])
  const samples = page.matchAll(/^lifeboat_queue_(?:(up)|runs\{state="(\w+)"\}|(oldest)_waiting_seconds) (\S+)$/gm)
  return Object.fromEntries([...samples].map(([, up, state, oldest, value]) => [up ?? state ?? oldest, Number(value)]))
}

interface Place {
  readonly url: string
  count(sql: string): Promise<number>
  rows(sql: string): Promise<Record<string, unknown>[]>
}

const clients: pg.Client[] = []
afterAll(async () => {
  for (const client of clients) await client.end()
})

/** A database with a small shop in it, and what the workers of a test write down. */
async function makePlace(name: string): Promise<Place> {
  const server = new pg.Client(inject('postgres').url)
  await server.connect()
  await server.query(`create database ${name}`)
  await server.end()
  const url = Object.assign(new URL(inject('postgres').url), { pathname: `/${name}` }).href
  // The schema of the queue is there before the trigger that watches it.
  await (await openQueue(url)).close()
  const client = new pg.Client(url)
  clients.push(client)
  await client.connect()
  await client.query(`
    create table begun (product text, pid int);
    create table effect (product text, due_at timestamptz);
    create table finished (product text);
    create schema shop; create table shop.orders as select generate_series(1, 100) as id;
    create function note() returns trigger language plpgsql as $$ begin
      insert into public.finished values (new.product); return new; end $$;
    create trigger finished after update on lifeboat_queue.run for each row
      when (old.finished_at is null and new.finished_at is not null) execute function note();`)
  const rows = async (sql: string) => (await client.query(sql)).rows
  return { url, rows, count: async sql => Number(Object.values((await rows(sql))[0])[0]) }
}

interface Fleet {
  /** Kills one of them, and starts another in its place. */
  killOne(): void
  killAll(): Promise<void>
}

function startFleet(order: WorkerOrder): Fleet {
  const start = () =>
    spawn(process.execPath, [bundle], {
      env: { ...process.env, WORKER_ORDER: JSON.stringify(order) },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  const running: ChildProcess[] = Array.from({ length: workers }, start)
  return {
    killOne() {
      const index = Math.floor(Math.random() * workers)
      running[index]!.kill('SIGKILL')
      running[index] = start()
    },
    async killAll() {
      await Promise.all(
        running.map(child => {
          const gone = new Promise(resolve => child.once('close', resolve))
          child.kill('SIGKILL')
          return gone
        }),
      )
    },
  }
}

/** Kills a worker whenever a few more runs are done, so that all get on however slow the machine is. */
async function killWhileWorking(place: Place, fleet: Fleet): Promise<number> {
  let kills = 0
  for (let killedAt = 0; ; ) {
    await sleep(50 + Math.random() * 100)
    const done = await place.count('select count(*) from lifeboat_queue.run where finished_at is not null')
    if (done === products) return kills
    // The last tenth is left to those that are alive, so that it ends.
    if (done < killedAt + products / 16 || done > products * 0.9) continue
    fleet.killOne()
    killedAt = done
    kills++
  }
}

function names(): string[] {
  return Array.from({ length: products }, (_, index) => `product-${index}`)
}

async function countBackups(productFolder: string): Promise<number> {
  const entries = await readdir(productFolder, { recursive: true })
  return entries.filter(entry => entry.endsWith('manifest.json')).length
}

async function bundleWorker(into: string): Promise<string> {
  const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
  await build({
    entry: [at('mortal-worker.ts')],
    ...{ outDir: join(into, 'worker'), format: 'esm', target: 'node20', config: false, silent: true },
    ...{ noExternal: [/.*/], external: ['pg-native'] },
    // What is bundled may still call require().
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    esbuildOptions: options => {
      options.alias = {
        '@lifeboat/core/queue': at('../../../core/src/queue/index.ts'),
        '@lifeboat/core': at('../../../core/src/index.ts'),
      }
      options.outExtension = { '.js': '.mjs' }
    },
  })
  return join(into, 'worker', 'mortal-worker.mjs')
}
