/** What is done by the clock with a product itself. */
export const scheduledJobs = ['backup', 'verify', 'drill', 'prune'] as const
export type ScheduledJob = (typeof scheduledJobs)[number]

/** What is done by the clock with each of its sets of objects. */
export const objectJobs = ['copy', 'verify', 'prune'] as const
export type ObjectJob = (typeof objectJobs)[number]

/** A job of one set: `copy:uploads`. */
export type SetJob = `${ObjectJob}:${string}`

/** A job as a run, a queue and a command name it. */
export type Job = ScheduledJob | SetJob

const setJobPattern = /^(copy|verify|prune):([a-z0-9][a-z0-9-]{0,62})$/

/** What a job of a set does, and with which; undefined: it is a job of the product itself, or none. */
export function setOfJob(job: string): { readonly does: ObjectJob; readonly set: string } | undefined {
  const [, does, set] = setJobPattern.exec(job) ?? []
  return does === undefined || set === undefined ? undefined : { does: does as ObjectJob, set }
}

/** Whether this names a job. */
export function isJob(text: string): text is Job {
  return scheduledJobs.some(one => one === text) || setOfJob(text) !== undefined
}

/** The job of a product that a job is like: whoever wants to hear of backups hears of copies. */
export function kindOfJob(job: Job): ScheduledJob {
  const of = setOfJob(job)
  if (of === undefined) return job as ScheduledJob
  return of.does === 'copy' ? 'backup' : of.does
}

/** For people: `backup`, `copy of uploads`. */
export function spokenJob(job: Job): string {
  const of = setOfJob(job)
  if (of === undefined) return job === 'verify' ? 'verification' : job
  return `${of.does === 'verify' ? 'verification' : of.does} of ${of.set}`
}
