import { isJob, type Job, setOfJob } from '../config/jobs.js'
import type { JobSchedule } from '../config/schedule-schema.js'
import { lastDue, missedRuns, nextRun } from './due-times.js'
import { jitterFor } from './jitter.js'

/** A job whose time has come. */
export interface DueRun {
  readonly job: Job
  readonly dueAt: Date
  /** How many runs before it were missed, and are done with it; a hundred at most. */
  readonly missed: number
}

export interface RunPlan {
  /** What is due now: a backup before what looks at it. */
  readonly due: readonly DueRun[]
  /** What comes next, with its jitter. Null: nothing ever. */
  readonly next: { readonly job: Job; readonly at: Date } | null
}

/** Until when each job is seen to; undefined: it was never done. */
export type Handled = Readonly<Partial<Record<Job, Date | undefined>>>

const order: readonly string[] = ['backup', 'copy', 'verify', 'drill', 'prune']

/** The jobs of a schedule in the order in which they are done: a backup or a copy first. */
export function timesOf(schedule: JobSchedule): { readonly job: Job; readonly expression: string }[] {
  return Object.entries(schedule)
    .flatMap(([job, expression]) =>
      isJob(job) && typeof expression === 'string' ? [{ job, expression, place: setOfJob(job)?.does ?? job }] : [],
    )
    .sort((a, b) => order.indexOf(a.place) - order.indexOf(b.place))
    .map(({ job, expression }) => ({ job, expression }))
}

/**
 * What of a product's schedule is to be done now, and what comes next. However many runs of a job were missed, they are
 * due once.
 */
export function planRuns(product: string, schedule: JobSchedule, handled: Handled, now: Date): RunPlan {
  const due: DueRun[] = []
  let next: RunPlan['next'] = null
  for (const { job, expression } of timesOf(schedule)) {
    const jitterMs = jitterFor(product, job, schedule.jitter)
    const { timeZone } = schedule
    // The clock of the jittered runs: what is due by it has waited long enough.
    const late = new Date(now.getTime() - jitterMs)
    const dueAt = lastDue(expression, timeZone, late)
    const until = handled[job]
    if (dueAt !== undefined && (until === undefined || dueAt > until))
      due.push({ job, dueAt, missed: missedBefore(expression, timeZone, until, dueAt) })
    const following = nextRun(expression, timeZone, late)
    const at = following && new Date(following.getTime() + jitterMs)
    if (at !== undefined && (next === null || at < next.at)) next = { job, at }
  }
  return { due, next }
}

function missedBefore(expression: string, zone: string, after: Date | undefined, dueAt: Date): number {
  if (after === undefined) return 0
  return missedRuns(expression, zone, { after, until: new Date(dueAt.getTime() - 1) }, 100).length
}
