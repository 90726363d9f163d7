import type { BackupOperations } from '../api/backups.js'
import type { RetentionOperations } from '../api/retention.js'
import type { RunJobOptions } from '../api/schedule.js'
import type { VerificationOperations } from '../api/verification.js'
import type { ProductConfig } from '../config/config-schema.js'
import { type Job, type ScheduledJob, setOfJob } from '../config/jobs.js'
import { isBackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { RunPart } from '../notify/run-outcome.js'
import { runSetJob, type SetOperations } from './run-set-job.js'

/** The operations that jobs are made of. */
export type WorkOperations = Pick<BackupOperations, 'backup'> &
  Pick<VerificationOperations, 'verify' | 'drill'> &
  Pick<RetentionOperations, 'prune'> &
  SetOperations & { destinations(product: string): readonly string[] }

/** Does a job, and gives each of its parts; a part that fails does not keep the next from its turn. */
export async function runJob(
  lifeboat: WorkOperations,
  run: { readonly product: string; readonly job: Job; readonly config: ProductConfig },
  options: RunJobOptions,
): Promise<RunPart[]> {
  const { product, job, config } = run
  const { signal, onEvent, dueAt } = options
  const set = setOfJob(job)
  if (set !== undefined) return runSetJob(lifeboat, { product, config, ...set }, options)
  switch (job as ScheduledJob) {
    case 'backup': {
      const labels = dueAt === undefined ? undefined : { due: dueAt.toISOString() }
      return [await partOf(signal, () => lifeboat.backup(product, { reason: 'schedule', labels, signal, onEvent }))]
    }
    case 'drill':
      return [await partOf(signal, () => lifeboat.drill(`${product}/latest`, { signal, onEvent }))]
    case 'verify': {
      // The live database is the same for all destinations, and looked at once.
      let live = config.verify.rowTolerance !== undefined || config.verify.queries.length > 0
      const parts: RunPart[] = []
      for (const destination of lifeboat.destinations(product)) {
        const check = { destination, level: 'content', live, signal, onEvent } as const
        const part = await partOf(signal, () => lifeboat.verify(`${product}/latest`, check), destination)
        // One that takes few backups may hold none yet.
        const few = config.destinations[destination]?.schedule !== undefined
        if (few && 'error' in part && isBackupError(part.error, 'backup-missing')) continue
        parts.push(part)
        if ('done' in part) live = false
        if (signal?.aborted) break
      }
      return parts
    }
    case 'prune': {
      const parts: RunPart[] = []
      for (const destination of lifeboat.destinations(product)) {
        const part = await partOf(
          signal,
          async () => (await lifeboat.prune(product, { destination, apply: true, signal, onEvent }))[0]!,
          destination,
        )
        parts.push(part)
        if (signal?.aborted) break
      }
      return parts
    }
  }
}

/** What became of a call. What the abort broke is not told as a failure of its own. */
export async function partOf(
  signal: AbortSignal | undefined,
  work: () => Promise<Extract<RunPart, { done: unknown }>['done']>,
  destination?: string,
): Promise<RunPart> {
  try {
    return { destination, done: await work() }
  } catch (error) {
    return { destination, error: signal?.aborted ? cancellation(signal) : error }
  }
}
