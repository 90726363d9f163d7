import type { BackupOperations } from '../api/backups.js'
import type { RetentionOperations } from '../api/retention.js'
import type { RunJobOptions } from '../api/schedule.js'
import type { VerificationOperations } from '../api/verification.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { ScheduledJob } from '../config/schedule-schema.js'
import { isBackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { RunPart } from '../notify/run-outcome.js'

/** The operations that jobs are made of. */
export type WorkOperations = Pick<BackupOperations, 'backup'> &
  Pick<VerificationOperations, 'verify' | 'drill'> &
  Pick<RetentionOperations, 'prune'> & { destinations(product: string): readonly string[] }

/** Does a job, and gives each of its parts; a part that fails does not keep the next from its turn. */
export async function runJob(
  lifeboat: WorkOperations,
  run: { readonly product: string; readonly job: ScheduledJob; readonly config: ProductConfig },
  options: RunJobOptions,
): Promise<RunPart[]> {
  const { product, job, config } = run
  const { signal, onEvent, dueAt } = options
  switch (job) {
    case 'backup': {
      const labels = dueAt === undefined ? undefined : { due: dueAt.toISOString() }
      return [await partOf(() => lifeboat.backup(product, { reason: 'schedule', labels, signal, onEvent }))]
    }
    case 'drill':
      return [await partOf(() => lifeboat.drill(`${product}/latest`, { signal, onEvent }))]
    case 'verify': {
      // The live database is the same for all destinations, and looked at once.
      let live = config.verify.rowTolerance !== undefined || config.verify.queries.length > 0
      const parts: RunPart[] = []
      for (const destination of lifeboat.destinations(product)) {
        const check = { destination, level: 'content', live, signal, onEvent } as const
        const part = await partOf(() => lifeboat.verify(`${product}/latest`, check), destination)
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
          async () => (await lifeboat.prune(product, { destination, apply: true, signal, onEvent }))[0]!,
          destination,
        )
        parts.push(part)
        if (signal?.aborted) break
      }
      return parts
    }
  }

  async function partOf(
    work: () => Promise<Extract<RunPart, { done: unknown }>['done']>,
    destination?: string,
  ): Promise<RunPart> {
    try {
      return { destination, done: await work() }
    } catch (error) {
      // What the abort broke is not told as a failure of its own.
      return { destination, error: signal?.aborted ? cancellation(signal) : error }
    }
  }
}
