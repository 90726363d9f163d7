import { z } from 'zod'
import { nextRun } from '../schedule/due-times.js'
import { type Job, objectJobs, type SetJob } from './jobs.js'
import { duration, text } from './values.js'

/** A cron expression of five or six fields, with `L` for the last: `0 10 * * 5L` is each month's last Friday at ten. */
const cron = text.superRefine((expression, context) => {
  try {
    if (nextRun(expression, 'UTC', new Date()) === undefined)
      context.addIssue(`never due: ${JSON.stringify(expression)}`)
  } catch (error) {
    const why = error instanceof Error ? `: ${error.message.replace(/^CronPattern: /, '')}` : ''
    context.addIssue(`not a cron expression: ${JSON.stringify(expression)}${why}`)
  }
})

const timeZone = text.superRefine((zone, context) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
  } catch {
    context.addIssue(`not a time zone: ${JSON.stringify(zone)} (write UTC, Europe/Berlin)`)
  }
})

export { type ScheduledJob, scheduledJobs } from './jobs.js'

const times = {
  /** Of the expressions. Default: UTC. */
  timeZone: timeZone.default('UTC'),
  /** How much later a run may be, and is then missing. Default: 2h. */
  grace: duration.default(2 * 60 * 60 * 1000),
  /** Each run begins up to so much later, so that not all products begin at once. Default: none. */
  jitter: duration.optional(),
}

/** When a product's work is due. Nothing runs by itself: `lifeboat run`, a worker or another scheduler does it. */
export const scheduleSchema = z.strictObject({
  backup: cron.optional(),
  verify: cron.optional(),
  drill: cron.optional(),
  prune: cron.optional(),
  ...times,
})

export type ScheduleConfig = z.output<typeof scheduleSchema>

/** When the work of a set of objects is due. */
export const objectScheduleSchema = z.strictObject({
  copy: cron.optional(),
  verify: cron.optional(),
  prune: cron.optional(),
  ...times,
})

export type ObjectScheduleConfig = z.output<typeof objectScheduleSchema>

/** Jobs by name, and when each is due: the schedule of a product, or of one of its sets. */
export type JobSchedule = Readonly<Partial<Record<Job, string | undefined>>> &
  Readonly<Pick<ScheduleConfig, 'timeZone' | 'grace' | 'jitter'>>

/** The schedule of a set, its jobs named as runs name them. */
export function jobsOfSet(set: string, schedule: ObjectScheduleConfig): JobSchedule {
  const { timeZone, grace, jitter } = schedule
  const jobs = objectJobs.map(job => [`${job}:${set}` satisfies SetJob, schedule[job]] as const)
  return { ...Object.fromEntries(jobs), timeZone, grace, jitter }
}
