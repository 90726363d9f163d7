import { randomUUID } from 'node:crypto'
import PgBoss from 'pg-boss'
import type { Job } from '../config/jobs.js'
import { holderName } from '../locks/hold-locks.js'
import type { RunOutcome } from '../notify/run-outcome.js'
import { type QueueDatabase, queueDatabase } from './queue-database.js'
import { migration, queueName, queueSchema } from './queue-schema.js'
import { type QueueTotals, readTotals } from './queue-totals.js'

export interface OpenQueueOptions {
  /** How long a worker may be silent before another takes its run, in ms; at least 1 s. Default: 2 minutes. */
  readonly leaseMs?: number | undefined
  /** How often a run that fails is tried again. Default: 5. */
  readonly retries?: number | undefined
  /** How long before the first repetition, in seconds; twice as long before each next. Default: 60. */
  readonly retryDelaySeconds?: number | undefined
  /** Who this is, for people. Default: user, host and process. */
  readonly worker?: string | undefined
  /** Hears of a database that does not answer, and of other trouble that passes. */
  readonly onTrouble?: ((error: unknown) => void) | undefined
}

/** A run that is due. */
export interface QueuedRun {
  readonly product: string
  readonly job: Job
  readonly dueAt: Date
}

/** A run that this process works at. */
export interface TakenRun extends QueuedRun {
  readonly id: string
  /** 0 for the first; says with the id which attempt this is. */
  readonly attempt: number
  /** Whether it can be tried again when it fails. */
  readonly retryLeft: boolean
}

/** How a run is given back. */
export type RunEnd =
  | { readonly kind: 'finished'; readonly outcome: RunOutcome }
  /** To be tried again after the usual wait. */
  | { readonly kind: 'failed'; readonly outcome: RunOutcome }
  /** Not its own fault: somebody else holds the product, or this worker ends. It costs no attempt. */
  | { readonly kind: 'put-back'; readonly afterMs: number; readonly why: string }

/** A row of the overview. */
export interface RunRow {
  readonly product: string
  readonly job: string
  readonly dueAt: Date
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly worker: string | null
  readonly startedAt: Date | null
  readonly nextAttemptAt: Date | null
  readonly leaseEndsAt: Date | null
  readonly finishedAt: Date | null
  readonly summary: string | null
}

/** Runs that are shared by many machines, in a Postgres. */
export interface RunQueue {
  readonly description: string
  readonly leaseMs: number
  /** Adds a run, unless it was ever added. True when this call did. */
  add(run: QueuedRun, startAfter: Date): Promise<boolean>
  /** Takes the next run that may begin; undefined: there is none. */
  take(): Promise<TakenRun | undefined>
  /** Extends the lease. False: the run is somebody else's by now. */
  renew(run: TakenRun): Promise<boolean>
  /** Whether a later run of the same job is in the queue. */
  isSuperseded(run: QueuedRun): Promise<boolean>
  /** Whether a backup of the product waits or runs, or another job. */
  awaitsBackup(product: string, job?: Job): Promise<boolean>
  /** Ends this attempt and records what became of it, at once or not at all. False: it is somebody else's by now. */
  end(run: TakenRun, end: RunEnd): Promise<boolean>
  /** Gives runs whose lease is over to others. */
  expire(): Promise<void>
  list(filter?: {
    readonly products?: readonly string[]
    readonly open?: boolean
    readonly limit?: number
  }): Promise<RunRow[]>
  totals(): Promise<QueueTotals>
  /** Lets a run that failed for good wait for a worker again. False: there is none such. */
  retry(id: string): Promise<boolean>
  close(): Promise<void>
}

/**
 * Opens the queue, and makes its schema where it is not there yet.
 * @throws BackupError `database-unreachable`, `database-auth-failed`, `database-refused`, `config-invalid`
 */
export async function openQueue(url: string, options: OpenQueueOptions = {}): Promise<RunQueue> {
  const { retries = 5, retryDelaySeconds = 60, worker = holderName() } = options
  const leaseMs = Math.max(1_000, options.leaseMs ?? 120_000)
  const leaseSeconds = Math.ceil(leaseMs / 1_000)
  const database = queueDatabase(url)
  const db = sqlOf(database, options.onTrouble)
  const boss = new PgBoss({ schema: queueSchema, db, schedule: false, supervise: true })
  boss.on('error', error => options.onTrouble?.(error))
  try {
    await database.use(async () => {})
    await boss.start()
    await boss.createQueue(queueName, { name: queueName, policy: 'standard' })
    await database.transact(client => client.query(migration))
  } catch (error) {
    await database.close()
    throw error
  }
  const owned = `name = '${queueName}' and id = $1 and retry_count = $2 and state = 'active'`

  return {
    description: database.description,
    leaseMs,
    add: (run, startAfter) =>
      database.transact(async client => {
        const id = randomUUID()
        const { product, job, dueAt } = run
        const added = await client.query(
          `insert into ${queueSchema}.run (product, job, due_at, job_id, added_by) values ($1, $2, $3, $4, $5)
           on conflict do nothing`,
          [product, job, dueAt, id, worker],
        )
        if (added.rowCount === 0) return false
        await boss.send(
          queueName,
          { product, job, dueAt: dueAt.toISOString() },
          {
            ...{
              id,
              // pg-boss counts how long it keeps a waiting job from here: what was due long ago would be gone at once.
              startAfter: startAfter.getTime() > Date.now() ? startAfter : undefined,
              expireInSeconds: leaseSeconds,
              db: { executeSql: (sql, values) => client.query(sql, values) },
            },
            ...{ retryLimit: retries, retryDelay: retryDelaySeconds, retryBackoff: true, retentionDays: 60 },
            singletonKey: `${product} ${job} ${dueAt.toISOString()}`,
          },
        )
        return true
      }),
    async take() {
      const [taken] = await boss.fetch<{ product: string; job: Job; dueAt: string }>(queueName, {
        ...{ includeMetadata: true, batchSize: 1, priority: false },
      })
      if (taken === undefined) return undefined
      const { id, data, retryCount: attempt, retryLimit } = taken
      await database.use(client =>
        client.query(`update ${queueSchema}.run set worker = $2, attempts = $3 where job_id = $1`, [
          id,
          worker,
          attempt + 1,
        ]),
      )
      return { ...data, dueAt: new Date(data.dueAt), id, attempt, retryLeft: attempt < retryLimit }
    },
    // pg-boss 10 has no heartbeat: its limit on how long a job may take is moved on, from when the job began.
    renew: ({ id, attempt }) =>
      database.use(async client => {
        const renewed = await client.query(
          `update ${queueSchema}.job set expire_in = now() - started_on + make_interval(secs => $3) where ${owned}`,
          [id, attempt, leaseSeconds],
        )
        return renewed.rowCount === 1
      }),
    isSuperseded: ({ product, job, dueAt }) =>
      database.use(async client => {
        const later = await client.query(
          `select 1 from ${queueSchema}.run where product = $1 and job = $2 and due_at > $3 limit 1`,
          [product, job, dueAt],
        )
        return later.rows.length > 0
      }),
    awaitsBackup: (product, job = 'backup') =>
      database.use(async client => {
        const open = await client.query(
          `select 1 from ${queueSchema}.overview
            where product = $1 and job = $2 and state in ('waiting', 'running') limit 1`,
          [product, job],
        )
        return open.rows.length > 0
      }),
    end: (run, end) =>
      database.transact(async client => {
        const { id, attempt } = run
        const mine = await client.query(`select 1 from ${queueSchema}.job where ${owned} for update`, [id, attempt])
        if (mine.rows.length === 0) return false
        const inside = { db: { executeSql: (sql: string, values: unknown[]) => client.query(sql, values) } }
        if (end.kind === 'put-back') {
          await client.query(`update ${queueSchema}.job set retry_limit = retry_limit + 1 where ${owned}`, [
            id,
            attempt,
          ])
          await boss.fail(queueName, id, { why: end.why }, inside)
          await client.query(
            `update ${queueSchema}.job set start_after = now() + make_interval(secs => $2)
              where name = '${queueName}' and id = $1 and state = 'retry'`,
            [id, end.afterMs / 1_000],
          )
          return true
        }
        const { outcome } = end
        if (end.kind === 'failed' && run.retryLeft) {
          await boss.fail(queueName, id, { ...outcome }, inside)
        } else {
          await boss.complete(queueName, id, { ...outcome }, inside)
          await client.query(`update ${queueSchema}.run set finished_at = now(), result = $2 where job_id = $1`, [
            id,
            outcome.result,
          ])
        }
        await client.query(`update ${queueSchema}.run set summary = $2, outcome = $3 where job_id = $1`, [
          ...[id, outcome.summary, JSON.stringify(outcome)],
        ])
        return true
      }),
    expire: () => boss.expire(),
    list: ({ products, open = false, limit = 100 } = {}) =>
      database.use(async client => {
        const { rows } = await client.query<RunRow>(
          `select product, job, due_at as "dueAt", job_id as id, state, attempts, worker, started_at as "startedAt",
                  next_attempt_at as "nextAttemptAt", lease_ends_at as "leaseEndsAt", finished_at as "finishedAt", summary
             from ${queueSchema}.overview
            where ($1::text[] is null or product = any($1)) and (not $2 or state in ('waiting', 'running'))
            order by due_at desc, product, job limit $3`,
          [products ?? null, open, limit],
        )
        return rows
      }),
    totals: () => database.use(readTotals),
    retry: id =>
      database.transact(async client => {
        const again = await client.query<{ product: string; job: string; due_at: Date }>(
          `update ${queueSchema}.run r set finished_at = null, result = null, job_id = $2
            where job_id = $1 and exists (select 1 from ${queueSchema}.overview o where o.job_id = $1 and o.state = 'failed')
            returning product, job, due_at`,
          [id, randomUUID()],
        )
        const [run] = again.rows
        if (run === undefined) return false
        // A job of its own: pg-boss keeps the old one, with what it said, for as long as it keeps jobs.
        const { rows } = await client.query<{ job_id: string }>(
          `select job_id from ${queueSchema}.run where product = $1 and job = $2 and due_at = $3`,
          [run.product, run.job, run.due_at],
        )
        await boss.send(
          queueName,
          { product: run.product, job: run.job, dueAt: run.due_at.toISOString() },
          {
            ...{ id: rows[0]!.job_id, expireInSeconds: leaseSeconds },
            db: { executeSql: (sql, values) => client.query(sql, values) },
            ...{ retryLimit: retries, retryDelay: retryDelaySeconds, retryBackoff: true, retentionDays: 60 },
            singletonKey: `${run.product} ${run.job} ${run.due_at.toISOString()}`,
          },
        )
        return true
      }),
    async close() {
      await boss.stop({ graceful: false })
      await database.close()
    },
  }
}

/** The sessions as pg-boss uses them. It swallows errors of its own queries, so they are told here. */
function sqlOf(database: QueueDatabase, onTrouble: ((error: unknown) => void) | undefined): PgBoss.Db {
  return {
    async executeSql(text, values) {
      try {
        return await database.use(client => client.query(text, values))
      } catch (error) {
        onTrouble?.(error)
        throw error
      }
    },
  }
}
