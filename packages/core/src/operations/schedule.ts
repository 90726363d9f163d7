import type { RunOptions } from '../api/run-options.js'
import type { ScheduleOperations } from '../api/schedule.js'
import { type ScheduledJob, setOfJob } from '../config/jobs.js'
import { jobsOfSet } from '../config/schedule-schema.js'
import { emitterFor } from '../events/backup-event.js'
import { outcomeOf, type RunPart } from '../notify/run-outcome.js'
import type { Manifest } from '../repository/manifest.js'
import { readHistory } from '../repository/read-history.js'
import type { ProofRecord } from '../repository/record-schema.js'
import { newestBackups } from '../schedule/newest-backup.js'
import { printSchedule } from '../schedule/print/print-schedule.js'
import { secretVariables } from '../schedule/print/secret-variables.js'
import { runJob, type WorkOperations } from '../schedule/run-job.js'
import { isSetDone, lastDoneOfSet } from '../schedule/set-jobs-done.js'
import { clockToleranceMs } from '../status/read-newest-backup.js'
import { toolVersion } from '../tool-version.js'
import type { OpenContext } from './open-context.js'
import { recordPlaces } from './record-places.js'

/** @param work what jobs are made of: the operations of the same toolkit */
export function scheduleOperations(context: OpenContext, work: WorkOperations): ScheduleOperations {
  const { productOf, deps } = context

  return {
    schedule: product => productOf(product).schedule,
    objectSchedules,
    printSchedule: (scheduler, named = context.products) =>
      printSchedule(
        scheduler,
        named.flatMap(product => {
          const config = productOf(product)
          const { schedule } = config
          const schedules = [...(schedule ? [schedule] : []), ...Object.values(objectSchedules(product))]
          const variables = secretVariables(config)
          return schedules.map(schedule => ({ product, schedule, variables }))
        }),
        { now: deps.now(), version: toolVersion },
      ),
    async lastDone(product, job, run = {}) {
      const set = setOfJob(job)
      if (set !== undefined) return lastDoneOfSet(context, product, set, run)
      if (job === 'prune') return undefined
      if (job !== 'backup') return oldestOf(await newestRecords(product, job as ScheduledJob, run))
      const newest: (Date | undefined)[] = []
      for (const [, { store }] of context.destinationsFor(product, run)) {
        for await (const manifest of newestBackups(store, product, run.signal)) {
          if (isAhead(manifest.createdAt)) continue
          newest.push(new Date(manifest.createdAt))
          break
        }
      }
      return newestOf(newest)
    },
    async isDone(product, job, dueAt, run = {}) {
      const set = setOfJob(job)
      if (set !== undefined) return isSetDone(context, product, set, dueAt, run)
      if (job === 'prune') return false
      if (job !== 'backup') {
        const records = await newestRecords(product, job as ScheduledJob, run)
        return records.every(at => at !== undefined && at >= dueAt)
      }
      // Any copy of the manifest names the destinations that were to have it.
      const holders = new Map<string, Manifest>()
      for (const [destination, { store }] of context.destinationsFor(product, run)) {
        const manifest = await backupDueAt(dueAt, newestBackups(store, product, run.signal))
        if (manifest !== undefined) holders.set(destination, manifest)
      }
      const meant = [...holders.values()].flatMap(({ destinations }) => destinations)
      return meant.length > 0 && meant.every(({ name, outcome }) => outcome === 'failed' || holders.has(name))
    },
    async runJob(product, job, run = {}) {
      const emit = emitterFor(run.onEvent)
      const startedAt = deps.now()
      const dueAt = run.dueAt?.toISOString() ?? null
      emit({ type: 'run.started', product, job, dueAt, missed: run.missed ?? 0 })
      let parts: RunPart[]
      try {
        parts = await runJob(work, { product, job, config: productOf(product) }, run)
      } catch (error) {
        parts = [{ error }]
      }
      const outcome = outcomeOf({ product, job, startedAt }, parts, deps.now())
      emit({ type: 'run.finished', dueAt, outcome })
      return outcome
    },
  }

  function objectSchedules(product: string) {
    const sets = Object.entries(productOf(product).objects ?? {})
    return Object.fromEntries(
      sets.flatMap(([set, { schedule }]) => (schedule === undefined ? [] : [[set, jobsOfSet(set, schedule)]])),
    )
  }

  /** Whether a clock was wrong when it was made: it must not stand for all that is due until then. */
  function isAhead(at: string): boolean {
    return Date.parse(at) > deps.now().getTime() + clockToleranceMs
  }

  /** When the newest record of each destination was made, of those that were asked. */
  async function newestRecords(product: string, job: ScheduledJob, run: RunOptions): Promise<(Date | undefined)[]> {
    const places = await recordPlaces(context, [product], run)
    const newest: (Date | undefined)[] = []
    for (const place of places) {
      // A destination that takes few backups may hold none yet.
      if (job === 'verify' && (await newestBackups(place.store, product, run.signal).next()).done) continue
      const counts = job === 'drill' ? isDrill : readsContent
      const record = (await readHistory([place], run)).find(one => counts(one) && !isAhead(one.at))
      newest.push(record && new Date(record.at))
    }
    // A drill is of one destination: the newest anywhere counts.
    return job === 'drill' ? [newestOf(newest)] : newest
  }
}

function isDrill(record: ProofRecord): boolean {
  return record.kind === 'drill'
}

/** What a scheduled verification does, a drill among it. */
function readsContent({ level }: ProofRecord): boolean {
  return level === 'content' || level === 'restored'
}

function newestOf(dates: readonly (Date | undefined)[]): Date | undefined {
  const times = dates.flatMap(date => (date === undefined ? [] : [date.getTime()]))
  return times.length === 0 ? undefined : new Date(Math.max(...times))
}

/** Undefined where one of them is. */
function oldestOf(dates: readonly (Date | undefined)[]): Date | undefined {
  const oldest = Math.min(...dates.map(date => date?.getTime() ?? Number.NaN))
  return Number.isFinite(oldest) ? new Date(oldest) : undefined
}

async function backupDueAt(dueAt: Date, newest: AsyncIterable<Manifest>): Promise<Manifest | undefined> {
  for await (const manifest of newest) {
    if (manifest.labels.due === dueAt.toISOString()) return manifest
    // None that is older can be of that time.
    if (Date.parse(manifest.createdAt) < dueAt.getTime()) return undefined
  }
  return undefined
}
