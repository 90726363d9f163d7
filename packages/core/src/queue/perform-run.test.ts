import { describe, expect, it } from 'vitest'
import type { Job } from '../config/jobs.js'
import { jobsOfSet, objectScheduleSchema, scheduleSchema } from '../config/schedule-schema.js'
import type { RunOutcome } from '../notify/run-outcome.js'
import { enqueueDue } from './enqueue-due.js'
import type { TakenRun } from './open-queue.js'
import { performWith } from './perform-run.js'

const dueAt = new Date('2026-11-21T02:00:00Z')
const signal = new AbortController().signal

interface World {
  readonly now?: string
  readonly superseded?: boolean
  readonly awaits?: boolean | Job
  readonly isDone?: boolean | Error
  readonly lastDone?: string
  readonly result?: RunOutcome['result']
  readonly code?: string
}

/** What a worker does with a run in a world; and what it told of it. */
async function perform(world: World, run: Partial<TakenRun> = {}) {
  const told: string[] = []
  const runs: string[] = []
  const lifeboat = {
    products: ['shop'],
    objectSets: () => ['uploads'],
    isDone: async () => {
      if (world.isDone instanceof Error) throw world.isDone
      return world.isDone ?? false
    },
    lastDone: async () => (world.lastDone === undefined ? undefined : new Date(world.lastDone)),
    runJob: async (product: string, job: Job): Promise<RunOutcome> => {
      runs.push(`${product} ${job}`)
      const failure = { destination: null, severity: 'critical', message: 'no', hint: null } as const
      const failures = world.code === undefined ? [] : [{ ...failure, code: world.code }]
      const at = { startedAt: dueAt.toISOString(), finishedAt: dueAt.toISOString(), destinations: null }
      return { product, job, ...at, result: world.result ?? 'ok', failures, summary: 'said' }
    },
  }
  const queue = {
    isSuperseded: async () => world.superseded ?? false,
    awaitsBackup: async (_product: string, job: Job = 'backup') => world.awaits === true || world.awaits === job,
  }
  const report = {
    started: async () => told.push('started'),
    finished: async ({ result }: RunOutcome) => told.push(result),
  }
  const now = () => new Date(world.now ?? '2026-11-21T02:00:05Z')
  const taken: TakenRun = { product: 'shop', job: 'backup', dueAt, id: 'id', attempt: 0, retryLeft: true, ...run }
  const answer = await performWith(lifeboat, queue, { now, report })(taken, { signal })
  return { answer, runs, told }
}

describe('a worker', () => {
  it('does what is due, and tells of it', async () => {
    expect(await perform({})).toMatchObject({
      answer: { result: 'ok' },
      runs: ['shop backup'],
      told: ['started', 'ok'],
    })
  })

  it('does not do again what an attempt before it has done', async () => {
    const again = await perform({ isDone: true }, { attempt: 1 })
    expect(again).toMatchObject({ answer: { skipped: 'it was done already' }, runs: [], told: [] })
    expect((await perform({ isDone: false }, { attempt: 1 })).runs).toEqual(['shop backup'])
  })

  it('does again what it cannot look at', async () => {
    expect((await perform({ isDone: new Error('no answer') }, { attempt: 1 })).runs).toEqual(['shop backup'])
  })

  it('leaves a run that comes late where somebody has done its work since', async () => {
    const late = { now: '2026-11-21T12:00:00Z' }
    expect((await perform({ ...late, lastDone: '2026-11-21T09:00:00Z' })).answer).toEqual({
      skipped: 'it was done already',
    })
    expect((await perform({ ...late, lastDone: '2026-11-21T01:00:00Z' })).runs).toEqual(['shop backup'])
  })

  it('leaves a run to a later one of its kind, and one of a product that is gone', async () => {
    expect((await perform({ superseded: true })).answer).toEqual({
      skipped: 'a later run of the same job is in the queue',
    })
    const gone = await perform({}, { product: 'gone' })
    expect(gone.answer).toEqual({ skipped: 'the configuration has no such product any more' })
  })

  it('lets a verification and a drill wait for a backup that is to come', async () => {
    for (const job of ['verify', 'drill'] as const)
      expect((await perform({ awaits: true }, { job })).answer).toEqual({
        postponed: 'the backup of the product comes first',
      })
    for (const job of ['backup', 'prune'] as const)
      expect((await perform({ awaits: true }, { job })).runs).toHaveLength(1)
  })

  it('lets a verification of a set of objects wait for its copy, and for nothing else', async () => {
    const verify = { job: 'verify:uploads' } as const
    expect((await perform({ awaits: 'copy:uploads' }, verify)).answer).toEqual({
      postponed: 'the copy of uploads comes first',
    })
    for (const awaits of ['backup', 'copy:others'] as const)
      expect((await perform({ awaits }, verify)).runs).toEqual(['shop verify:uploads'])
    expect((await perform({ awaits: true }, { job: 'copy:uploads' })).runs).toHaveLength(1)
    expect((await perform({}, { job: 'copy:gone' })).answer).toEqual({
      skipped: 'the configuration has no such set of objects any more',
    })
  })

  it('tells nobody of a run that another one locks out: it comes again', async () => {
    expect((await perform({ result: 'failed', code: 'locked' })).told).toEqual(['started'])
    expect((await perform({ result: 'failed', code: 'store-full' })).told).toEqual(['started', 'failed'])
  })
})

describe('what is due', () => {
  it('is added for a product and for each of its sets of objects, the newest run of each job', async () => {
    const uploads = objectScheduleSchema.parse({ copy: '0 */4 * * *', verify: '0 3 * * 0' })
    const lifeboat = {
      schedule: () => scheduleSchema.parse({ backup: '0 2 * * *' }),
      objectSchedules: () => ({ uploads: jobsOfSet('uploads', uploads) }),
    }
    const added = await enqueueDue(lifeboat, { add: async () => true }, ['shop'], new Date('2026-11-25T09:30:00Z'))
    expect(added.map(({ job, dueAt }) => `${job} ${dueAt.toISOString()}`)).toEqual([
      'backup 2026-11-25T02:00:00.000Z',
      'copy:uploads 2026-11-25T08:00:00.000Z',
      'verify:uploads 2026-11-22T03:00:00.000Z',
    ])
  })
})
