import { lastDue } from '../schedule/due-times.js'
import { jitterFor } from '../schedule/jitter.js'
import { timesOf } from '../schedule/plan-runs.js'
import type { ScheduledToolkit } from '../schedule/run-schedule.js'
import type { QueuedRun, RunQueue } from './open-queue.js'

/**
 * Adds what is due by now to the queue: of each product and job the newest run only, so that however many were missed, one
 * catches up. Whatever was added by anybody before is left alone.
 */
export async function enqueueDue(
  lifeboat: Pick<ScheduledToolkit, 'schedule' | 'objectSchedules'>,
  queue: Pick<RunQueue, 'add'>,
  products: readonly string[],
  now: Date,
): Promise<QueuedRun[]> {
  const added: QueuedRun[] = []
  for (const product of products) {
    const own = lifeboat.schedule(product)
    const schedules = [...(own ? [own] : []), ...Object.values(lifeboat.objectSchedules?.(product) ?? {})]
    for (const schedule of schedules)
      for (const { job, expression } of timesOf(schedule)) {
        const dueAt = lastDue(expression, schedule.timeZone, now)
        if (dueAt === undefined) continue
        const startAfter = new Date(dueAt.getTime() + jitterFor(product, job, schedule.jitter))
        const run = { product, job, dueAt }
        if (await queue.add(run, startAfter)) added.push(run)
      }
  }
  return added
}
