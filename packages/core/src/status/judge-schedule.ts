import type { ProductStatus } from '../api/status.js'
import type { Job } from '../config/jobs.js'
import type { JobSchedule } from '../config/schedule-schema.js'
import { spokenDuration, spokenTime } from '../report/quantities.js'
import { timesOf } from '../schedule/plan-runs.js'
import { type AddFinding, tellingOf } from './judge-destinations.js'
import type { ProductFacts } from './judge-product.js'
import type { DestinationFacts } from './read-destination.js'
import type { DueTimes } from './remembered-due-times.js'

/** How much later than its time a run may be that nobody said a grace of. */
export const usualGraceMs = 2 * 60 * 60 * 1000

/** The next job that is due. Null: there is no schedule, or it is never due again. */
export function nextRunOf(schedule: JobSchedule | undefined, now: Date, due: DueTimes): ProductStatus['nextRun'] {
  if (schedule === undefined) return null
  let next: { readonly job: string; readonly at: string } | null = null
  for (const { job, expression } of timesOf(schedule)) {
    const at = due.nextRun(expression, schedule.timeZone, now)
    if (at !== undefined && (next === null || at.toISOString() < next.at)) next = { job, at: at.toISOString() }
  }
  return next
}

/** When a job was due last that must be done by now: its grace is over. Undefined: none was. */
export function mustBeDoneSince(
  schedule: JobSchedule | undefined,
  job: Job,
  { now, due }: Pick<ProductFacts, 'now' | 'due'>,
): Date | undefined {
  const expression = schedule?.[job]
  if (schedule === undefined || expression === undefined) return undefined
  return due.lastDue(expression, schedule.timeZone, new Date(now.getTime() - schedule.grace - (schedule.jitter ?? 0)))
}

/**
 * Finds a schedule that has stopped: a job was due, its grace is over, and the stores hold nothing that was made since.
 * What a prune did leaves no trace.
 */
export function judgeSchedule(facts: ProductFacts, add: AddFinding): void {
  const { config, destinations, product } = facts
  const answering = tellingOf(facts) ?? []
  const created = answering.flatMap(({ newest }) => newest?.createdAt ?? [])
  const oldestMs = Math.min(...answering.flatMap(one => one.oldestMs ?? []))
  // Without a backup there is nothing to verify, and that there is none is said already.
  if (created.length === 0) return
  const judge = (job: 'backup' | 'verify' | 'drill', doneAt: string | undefined) => {
    const dueAt = mustBeDoneSince(config.schedule, job, facts)
    // A new product was not there yet when it was due.
    if (dueAt === undefined || dueAt.getTime() < oldestMs) return
    if (doneAt !== undefined && Date.parse(doneAt) >= dueAt.getTime()) return
    const grace = spokenDuration(config.schedule!.grace)
    const last = doneAt === undefined ? 'none is recorded' : `the newest is of ${spokenTime(doneAt)}`
    const message = `the ${names[job]} that was due at ${spokenTime(dueAt.toISOString())} is missing after ${grace} of grace; ${last}`
    const hint = `see whether the scheduler runs; by hand: \`lifeboat ${job} ${job === 'verify' ? `${product}/latest` : product}\``
    add(job === 'backup' ? 'critical' : 'warning', 'schedule-missed', job, message, {
      ...{ hint, since: new Date(dueAt.getTime() + config.schedule!.grace).toISOString() },
    })
  }
  judge('backup', created.sort().at(-1))
  const holding = answering.filter(({ newest }) => newest !== null)
  const verified = holding.map(one => one.verification?.at ?? '')
  judge('verify', verified.sort()[0] || undefined)
  // Which drills a destination holds that does not answer is not known.
  if (destinations.every(({ failure }) => failure === null)) judge('drill', lastDrillOf(destinations))
}

function lastDrillOf(destinations: readonly DestinationFacts[]): string | undefined {
  return destinations
    .flatMap(({ drill }) => drill?.startedAt ?? [])
    .sort()
    .at(-1)
}

const names = { backup: 'backup', verify: 'verification', drill: 'drill' } as const
