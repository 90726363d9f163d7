import type { Lifeboat } from '@lifeboat/core'
import type { RunQueue } from '@lifeboat/core/queue'
import type { Handler } from './serve-handlers.js'
import type { Session } from './session.js'

/**
 * What a scheduler answers: its own health; and the status and the metrics of all products, behind a bearer token where
 * `LIFEBOAT_STATUS_TOKEN` holds one. With a queue, its gauges are among the metrics.
 */
export async function handlersOf(
  session: Session,
  lifeboat: Lifeboat,
  health: Handler,
  queue?: Pick<RunQueue, 'totals'>,
): Promise<Record<string, Handler>> {
  const token = session.io.env.LIFEBOAT_STATUS_TOKEN || undefined
  const { createStatusHandler } = await import('@lifeboat/core/status')
  const { createMetricsHandler, queueMetrics } = await import('@lifeboat/core/metrics')
  const more = queue === undefined ? [] : [queueMetrics(() => queue.totals())]
  return {
    '/healthz': health,
    '/status': createStatusHandler(lifeboat, { token }),
    '/metrics': createMetricsHandler(lifeboat, { token, more }),
  }
}
