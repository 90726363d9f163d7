import { describe, expect, it } from 'vitest'
import type { RunJobOptions } from '../api/schedule.js'
import type { Job } from '../config/jobs.js'
import { jobsOfSet, objectScheduleSchema, scheduleSchema } from '../config/schedule-schema.js'
import { BackupError } from '../errors/backup-error.js'
import type { BackupEvent } from '../events/backup-event.js'
import type { RunOutcome } from '../notify/run-outcome.js'
import { createHealth } from './health-handler.js'
import { type RunScheduleOptions, runSchedule } from './run-schedule.js'
import { type VirtualClock, virtualClock } from './testing/virtual-clock.js'

interface World {
  readonly schedules: Readonly<Record<string, object>>
  /** Of sets of objects, by product and set. */
  readonly sets?: Readonly<Record<string, Readonly<Record<string, object>>>>
  /** When jobs were done last: `shop backup`. */
  readonly done?: Readonly<Record<string, string>>
  /** How long a job takes, in ms. Default: no time. */
  readonly takesMs?: number
  readonly takesOf?: (job: Job) => number | undefined
  readonly result?: (product: string, job: Job) => RunOutcome['result']
}

/** A toolkit whose jobs only take time, which is what the scheduler sees of them. */
function toolkit(world: World, clock: VirtualClock) {
  const runs: { run: string; at: string; dueAt: string; missed: number; ended?: string; result?: string }[] = []
  let atOnce = 0
  const most = { atOnce: 0, ofOne: 0 }
  const busy = new Map<string, number>()
  return {
    runs,
    most,
    products: Object.keys(world.schedules),
    schedule: (product: string) => {
      const schedule = world.schedules[product]
      return schedule === undefined ? undefined : scheduleSchema.parse(schedule)
    },
    objectSchedules: (product: string) =>
      Object.fromEntries(
        Object.entries(world.sets?.[product] ?? {}).map(([set, one]) => [
          set,
          jobsOfSet(set, objectScheduleSchema.parse(one)),
        ]),
      ),
    lastDone: async (product: string, job: Job) => {
      const done = world.done?.[`${product} ${job}`]
      if (done === 'unknown') throw new BackupError('store-unreachable', 'no answer')
      return done === undefined ? undefined : new Date(done)
    },
    async runJob(product: string, job: Job, options: RunJobOptions = {}): Promise<RunOutcome> {
      const startedAt = clock.now().toISOString()
      const noted: (typeof runs)[number] = {
        ...{
          run: `${product} ${job}`,
          at: startedAt,
          dueAt: options.dueAt!.toISOString(),
          missed: options.missed ?? 0,
        },
      }
      runs.push(noted)
      busy.set(product, (busy.get(product) ?? 0) + 1)
      most.atOnce = Math.max(most.atOnce, ++atOnce)
      most.ofOne = Math.max(most.ofOne, busy.get(product)!)
      const takesMs = world.takesOf?.(job) ?? world.takesMs
      if (takesMs !== undefined) await clock.wait(takesMs, options.signal!)
      atOnce--
      busy.set(product, busy.get(product)! - 1)
      const result = options.signal?.aborted ? 'cancelled' : (world.result?.(product, job) ?? 'ok')
      const finishedAt = clock.now().toISOString()
      Object.assign(noted, { ended: finishedAt, result })
      const said = { destinations: null, live: false, failures: [], summary: result }
      return { product, job, startedAt, finishedAt, result, ...said }
    },
  }
}

function start(world: World, at: string, options: Partial<RunScheduleOptions> = {}) {
  const clock = virtualClock(at)
  const lifeboat = toolkit(world, clock)
  const stop = new AbortController()
  const cancel = new AbortController()
  const events: (readonly [string, BackupEvent])[] = []
  const end = runSchedule(lifeboat, {
    ...{ stop: stop.signal, cancel: cancel.signal, clock, onEvent: (product, event) => events.push([product, event]) },
    ...options,
  })
  return { clock, runs: lifeboat.runs, most: lifeboat.most, stop, cancel, events, end }
}

const nightly = { backup: '0 2 * * *', verify: '0 5 * * *' }

describe('a schedule', () => {
  it('does each job when it is due, night after night, and in order', async () => {
    const done = { 'shop backup': '2026-11-24T02:00:05Z', 'shop verify': '2026-11-24T05:01:00Z' }
    const { clock, runs, stop, end } = start({ schedules: { shop: nightly }, done }, '2026-11-24T12:00:00Z')
    await clock.advanceTo('2026-11-27T12:00:00Z')
    stop.abort()
    expect(await end).toEqual({ runs: 6, failed: 0, cancelled: 0 })
    expect(runs.map(({ run, at }) => `${run} ${at.slice(0, 16)}`)).toEqual([
      ...['shop backup 2026-11-25T02:00', 'shop verify 2026-11-25T05:00'],
      ...['shop backup 2026-11-26T02:00', 'shop verify 2026-11-26T05:00'],
      ...['shop backup 2026-11-27T02:00', 'shop verify 2026-11-27T05:00'],
    ])
    for (const { at, dueAt, missed } of runs) expect([at, missed]).toEqual([dueAt, 0])
  })

  it('keeps to its zone when the clocks change', async () => {
    const schedules = { shop: { backup: '0 2 * * *', timeZone: 'Europe/Berlin' } }
    const done = { 'shop backup': '2026-10-24T00:00:00Z' }
    const { clock, runs, stop, end } = start({ schedules, done }, '2026-10-24T12:00:00Z')
    await clock.advanceTo('2026-10-26T12:00:00Z')
    stop.abort()
    await end
    expect(runs.map(({ at }) => at.slice(0, 16))).toEqual(['2026-10-25T00:00', '2026-10-26T01:00'])
  })

  it('catches up once on what was missed before the start, a backup before its verification', async () => {
    const done = { 'shop backup': '2026-11-20T02:00:05Z', 'shop verify': '2026-11-20T05:01:00Z' }
    const { clock, runs, stop, end } = start({ schedules: { shop: nightly }, done }, '2026-11-24T12:00:00Z')
    await clock.advanceTo('2026-11-24T13:00:00Z')
    stop.abort()
    await end
    expect(runs).toMatchObject([
      { run: 'shop backup', at: '2026-11-24T12:00:00.000Z', dueAt: '2026-11-24T02:00:00.000Z', missed: 3 },
      { run: 'shop verify', at: '2026-11-24T12:00:00.000Z', dueAt: '2026-11-24T05:00:00.000Z', missed: 3 },
    ])
  })

  it('catches up once after the machine slept', async () => {
    const done = { 'shop backup': '2026-11-24T02:00:05Z', 'shop verify': '2026-11-24T05:01:00Z' }
    const { clock, runs, stop, end } = start({ schedules: { shop: nightly }, done }, '2026-11-24T12:00:00Z')
    await clock.sleepUntil('2026-11-28T08:00:00Z')
    await clock.advanceTo('2026-11-28T09:00:00Z')
    stop.abort()
    await end
    expect(runs).toMatchObject([
      { run: 'shop backup', dueAt: '2026-11-28T02:00:00.000Z', missed: 3 },
      { run: 'shop verify', dueAt: '2026-11-28T05:00:00.000Z', missed: 3 },
    ])
  })

  it('makes the first backup before all else, also where a drill was due before it', async () => {
    const schedules = { shop: { drill: '0 1 * * *', ...nightly } }
    const { clock, runs, stop, end } = start({ schedules }, '2026-11-24T12:00:00Z')
    await clock.advanceTo('2026-11-24T12:01:00Z')
    stop.abort()
    await end
    expect(runs.map(({ run }) => run)).toEqual(['shop backup', 'shop verify', 'shop drill'])
  })

  it('does at once what was never done, but for a prune, of which nothing tells', async () => {
    const { clock, runs, stop, end } = start(
      { schedules: { shop: { ...nightly, prune: '0 6 * * *' } } },
      '2026-11-24T12:00:00Z',
    )
    await clock.advanceTo('2026-11-25T07:00:00Z')
    stop.abort()
    await end
    expect(runs.map(({ run, at }) => `${run} ${at.slice(8, 13)}`)).toEqual([
      ...['shop backup 24T12', 'shop verify 24T12'],
      ...['shop backup 25T02', 'shop verify 25T05', 'shop prune 25T06'],
    ])
  })

  it('that cannot learn what was done does it, and says so', async () => {
    const { clock, runs, stop, end, events } = start(
      { schedules: { shop: { backup: '0 2 * * *' } }, done: { 'shop backup': 'unknown' } },
      '2026-11-24T12:00:00Z',
    )
    await clock.advanceTo('2026-11-24T12:01:00Z')
    stop.abort()
    await end
    expect(runs).toHaveLength(1)
    expect(events).toEqual([
      ['shop', { type: 'warning.raised', message: 'when the last backup was is not known: no answer' }],
    ])
  })

  it('never works twice on one product, nor on more products at once than it may', async () => {
    const every = { backup: '*/5 * * * *', verify: '*/5 * * * *' }
    const schedules = { one: every, two: every, three: every, four: every }
    const { clock, most, stop, end, runs } = start({ schedules, takesMs: 7 * 60_000 }, '2026-11-24T12:00:00Z', {
      atOnce: 3,
    })
    await clock.advanceTo('2026-11-24T14:00:00Z')
    stop.abort()
    await clock.advanceTo('2026-11-24T15:00:00Z')
    await end
    expect(most).toEqual({ atOnce: 3, ofOne: 1 })
    for (const product of Object.keys(schedules))
      expect(runs.filter(({ run }) => run.startsWith(product)).length).toBeGreaterThan(5)
  })

  it('goes on after runs that fail, and counts them', async () => {
    const world: World = {
      ...{ schedules: { shop: nightly }, done: { 'shop backup': '2026-11-24T02:00:05Z' } },
      result: (_product, job) => (job === 'backup' ? 'failed' : 'ok'),
    }
    const { clock, runs, stop, end } = start(world, '2026-11-24T12:00:00Z')
    await clock.advanceTo('2026-11-26T12:00:00Z')
    stop.abort()
    expect(await end).toEqual({ runs: 5, failed: 2, cancelled: 0 })
    expect(runs.filter(({ run }) => run === 'shop backup')).toHaveLength(2)
  })

  it('reports each run, and takes a report that fails for a warning', async () => {
    const told: string[] = []
    const report = {
      started: async ({ product, job }: { product: string; job: string }) => told.push(`${product} ${job} began`),
      finished: async ({ product, job, result }: RunOutcome) => {
        told.push(`${product} ${job} ${result}`)
        throw new Error('no channel')
      },
    }
    const world = { schedules: { shop: { backup: '0 2 * * *' } } }
    const { clock, stop, end, events } = start(world, '2026-11-24T12:00:00Z', { report })
    await clock.advanceTo('2026-11-24T12:01:00Z')
    stop.abort()
    await end
    expect(told).toEqual(['shop backup began', 'shop backup ok'])
    const message = 'what became of the backup could not be reported: no channel'
    expect(events).toEqual([['shop', { type: 'warning.raised', message }]])
  })

  it('waits for a run that is under way when it is stopped, and begins no other', async () => {
    const world = { schedules: { shop: nightly }, takesMs: 10_000 }
    const { clock, runs, stop, end } = start(world, '2026-11-24T12:00:00Z', { stopWithinMs: 20_000 })
    await clock.advanceTo('2026-11-24T12:00:05Z')
    stop.abort()
    await clock.advanceTo('2026-11-24T12:00:30Z')
    expect(await end).toEqual({ runs: 1, failed: 0, cancelled: 0 })
    expect(runs).toMatchObject([{ run: 'shop backup', ended: '2026-11-24T12:00:10.000Z', result: 'ok' }])
  })

  it('cancels a run that takes longer than it may when it is stopped', async () => {
    const world = { schedules: { shop: nightly }, takesMs: 600_000 }
    const { clock, runs, stop, end } = start(world, '2026-11-24T12:00:00Z', { stopWithinMs: 20_000 })
    await clock.advanceTo('2026-11-24T12:00:05Z')
    stop.abort()
    await clock.advanceTo('2026-11-24T12:00:30Z')
    expect(await end).toEqual({ runs: 1, failed: 0, cancelled: 1 })
    expect(runs).toMatchObject([{ ended: '2026-11-24T12:00:25.000Z', result: 'cancelled' }])
  })

  it('cancels a run at once when it is told to', async () => {
    const world = { schedules: { shop: nightly }, takesMs: 600_000 }
    const { clock, runs, stop, cancel, end } = start(world, '2026-11-24T12:00:00Z')
    await clock.advanceTo('2026-11-24T12:00:05Z')
    stop.abort()
    await clock.advanceTo('2026-11-24T12:00:06Z')
    cancel.abort()
    expect(await end).toMatchObject({ cancelled: 1 })
    expect(runs).toMatchObject([{ ended: '2026-11-24T12:00:06.000Z', result: 'cancelled' }])
  })

  it('copies sets of objects beside the product: a first copy of a day keeps no backup waiting', async () => {
    const world: World = {
      ...{ schedules: { shop: { backup: '0 */6 * * *' } } },
      sets: { shop: { uploads: { copy: '0 3 * * *', verify: '30 3 * * *' } } },
      done: { 'shop backup': '2026-11-24T12:00:00Z', 'shop copy:uploads': '2026-11-21T03:00:01Z' },
      takesOf: job => (job === 'copy:uploads' ? 20 * 3_600_000 : undefined),
    }
    const { clock, runs, stop, end } = start(world, '2026-11-24T12:30:00Z', { atOnce: 1 })
    await clock.advanceTo('2026-11-25T13:00:00Z')
    stop.abort()
    // It gives up the copy that runs.
    await clock.advanceTo('2026-11-25T14:00:00Z')
    await end
    expect(runs.map(({ run, at, missed }) => `${run} ${at.slice(5, 16)} ${missed}`)).toEqual([
      // What was missed is caught up once, and what looks at it comes after it.
      'shop copy:uploads 11-24T12:30 2',
      'shop backup 11-24T18:00 0',
      'shop backup 11-25T00:00 0',
      'shop backup 11-25T06:00 0',
      'shop verify:uploads 11-25T08:30 0',
      'shop copy:uploads 11-25T08:30 0',
      'shop backup 11-25T12:00 0',
    ])
  })

  it('is refused where nothing is scheduled', async () => {
    const nothing: World['schedules'][] = [{}, { shop: {} }]
    for (const schedules of nothing)
      await expect(start({ schedules }, '2026-11-24T12:00:00Z').end).rejects.toMatchObject({ code: 'config-invalid' })
  })
})

describe('jitter', () => {
  it('spreads products over its time, the same every night', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `p${index}`)
    const schedules = Object.fromEntries(names.map(name => [name, { backup: '0 2 * * *', jitter: '1h' }]))
    const done = Object.fromEntries(names.map(name => [`${name} backup`, '2026-11-24T02:59:59Z']))
    const { clock, runs, stop, end } = start({ schedules, done }, '2026-11-24T12:00:00Z', { atOnce: 20 })
    await clock.advanceTo('2026-11-26T12:00:00Z')
    stop.abort()
    await end
    const first = runs.filter(({ at }) => at.startsWith('2026-11-25'))
    const second = runs.filter(({ at }) => at.startsWith('2026-11-26'))
    const lateness = (some: typeof runs) =>
      Object.fromEntries(some.map(({ run, at, dueAt }) => [run, Date.parse(at) - Date.parse(dueAt)]))
    expect(lateness(first)).toEqual(lateness(second))
    const times = Object.values(lateness(first))
    expect(times).toHaveLength(20)
    expect(Math.min(...times)).toBeLessThan(15 * 60_000)
    expect(Math.max(...times)).toBeGreaterThan(45 * 60_000)
    expect(Math.max(...times)).toBeLessThanOrEqual(60 * 60_000)
  })
})

describe('the health of a scheduler', () => {
  it('says what runs, what came of the last runs, and what is next', async () => {
    const clock = virtualClock('2026-11-24T12:00:00Z')
    const lifeboat = toolkit({ schedules: { shop: nightly }, takesMs: 60_000 }, clock)
    const stop = new AbortController()
    const health = createHealth(clock.now, stop.signal)
    const end = runSchedule(lifeboat, { stop: stop.signal, clock, onState: health.note })
    const ask = async (method = 'GET') => health.handler(new Request('http://localhost/healthz', { method }))
    await clock.advanceTo('2026-11-24T12:00:30Z')
    expect(await (await ask()).json()).toMatchObject({
      ...{ version: 1, state: 'running', startedAt: '2026-11-24T12:00:00.000Z', checkedAt: '2026-11-24T12:00:30.000Z' },
      products: [{ product: 'shop', running: { job: 'backup', startedAt: '2026-11-24T12:00:00.000Z' }, last: {} }],
    })
    await clock.advanceTo('2026-11-24T12:05:00Z')
    const [shop] = (await (await ask()).json()).products
    expect(shop).toMatchObject({ running: null, next: { job: 'backup', at: '2026-11-25T02:00:00.000Z' } })
    expect(Object.keys(shop.last)).toEqual(['backup', 'verify'])
    stop.abort()
    await end
    expect(await (await ask()).json()).toMatchObject({ state: 'stopping' })
    expect((await ask('HEAD')).status).toBe(200)
    expect((await ask('POST')).status).toBe(405)
  })
})
