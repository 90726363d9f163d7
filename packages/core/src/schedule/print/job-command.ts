import { type Job, setOfJob, spokenJob } from '../../config/jobs.js'
import { BackupError, isBackupError } from '../../errors/backup-error.js'
import { jitterFor } from '../jitter.js'
import type { PrintedJob } from './print-schedule.js'

/** As a job is called where names hold letters, digits and dashes only. */
export function unitName({ product, job }: Pick<PrintedJob, 'product' | 'job'>): string {
  return `lifeboat-${product}-${suffixOf(job)}`
}

/** The part of that name which says what is done: `backup`, `objects-uploads-copy`. */
export function suffixOf(job: Job): string {
  const of = setOfJob(job)
  return of === undefined ? job : `objects-${of.set}-${of.does}`
}

/** The command that does a job as `lifeboat run` does it. */
export function jobCommand({ product, job }: PrintedJob): string {
  return `lifeboat run ${product} --job ${job}`
}

/** The same for a shell, behind its guard and its wait. */
export function shellCommand(job: PrintedJob, guard: string | null): string {
  const seconds = Math.round(jitterFor(job.product, job.job, job.jitterMs) / 1000)
  return [...(guard === null ? [] : [guard]), ...(seconds === 0 ? [] : [`sleep ${seconds}`]), jobCommand(job)].join(
    ' && ',
  )
}

/** The same where a failed guard must not look like a failure. */
export function guardedScript(job: PrintedJob, guard: string | null): string {
  const command = shellCommand(job, null)
  return guard === null ? command : `if ${guard}; then ${command}; fi`
}

/** A text as YAML reads it back, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Names the product and the job in what is refused. */
export function ofJob<T>({ product, job }: PrintedJob, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isBackupError(error)) throw error
    throw new BackupError(error.code, `the ${spokenJob(job)} of ${product}: ${error.message}`, {
      hint: error.hint,
      cause: error,
    })
  }
}
