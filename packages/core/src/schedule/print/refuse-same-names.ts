import { BackupError } from '../../errors/backup-error.js'
import type { PrintedJob } from './print-schedule.js'

/**
 * Refuses jobs that a scheduler would take for one, as it shortens names: the second would replace the first, unsaid.
 * @throws BackupError `config-invalid`
 */
export function refuseSameNames(jobs: readonly PrintedJob[], nameOf: (job: PrintedJob) => string): void {
  const known = new Map<string, PrintedJob>()
  for (const job of jobs) {
    const name = nameOf(job)
    const twin = known.get(name)
    if (twin !== undefined)
      throw new BackupError(
        'config-invalid',
        `the ${twin.job} of ${twin.product} and the ${job.job} of ${job.product} would have one name: ${name}`,
        { hint: 'print them into files of their own and rename one, or give the products names that differ earlier' },
      )
    known.set(name, job)
  }
}
