import type { Lifeboat } from '@lifeboat/core'
import type { Handler } from './serve-handlers.js'
import type { Session } from './session.js'

/**
 * What a scheduler answers: its own health; and the status and the metrics of all products, behind a bearer token where
 * `LIFEBOAT_STATUS_TOKEN` holds one.
 */
export async function handlersOf(
  session: Session,
  lifeboat: Lifeboat,
  health: Handler,
): Promise<Record<string, Handler>> {
  const token = session.io.env.LIFEBOAT_STATUS_TOKEN || undefined
  const { createStatusHandler } = await import('@lifeboat/core/status')
  const { createMetricsHandler } = await import('@lifeboat/core/metrics')
  return {
    '/healthz': health,
    '/status': createStatusHandler(lifeboat, { token }),
    '/metrics': createMetricsHandler(lifeboat, { token }),
  }
}
