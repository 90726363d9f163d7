import { Gauge, type Registry } from 'prom-client'
import type { QueueTotals } from '../queue/queue-totals.js'
import type { MetricsSource } from './render-metrics.js'

/** Shown also where no run is in them, so that a rule has something to compare. */
const usualStates = ['waiting', 'running', 'ok', 'partial', 'failed'] as const

/** A scrape waits 10 s as a rule; a database that says nothing shall not cost it the page. */
const longestReadMs = 5_000

/**
 * The gauges of a queue, for `more` of a page. A queue that cannot be read is `lifeboat_queue_up 0` and nothing else: the
 * rest of the page is worth as much without it.
 * @param read such as `() => queue.totals()`
 */
export function queueMetrics(read: () => Promise<QueueTotals>): MetricsSource {
  return async registry => {
    const up = gauge(registry, 'lifeboat_queue_up', 'Whether the queue could be read: 1 or 0')
    const totals = await inTime(read)
    up.set(totals === undefined ? 0 : 1)
    if (totals === undefined) return
    const runs = gauge(registry, 'lifeboat_queue_runs', 'Runs that the queue remembers, by state', ['state'])
    for (const state of usualStates) runs.set({ state }, 0)
    for (const [state, count] of Object.entries(totals.runs)) runs.set({ state }, count)
    gauge(
      registry,
      'lifeboat_queue_oldest_waiting_seconds',
      'How long the run has waited for a worker that has waited longest; 0: none waits that may begin',
    ).set((totals.oldestWaitingMs ?? 0) / 1000)
  }
}

/** Undefined: it failed, or took too long. */
async function inTime(read: () => Promise<QueueTotals>): Promise<QueueTotals | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(resolve, longestReadMs, undefined)
  })
  return Promise.race([read().catch(() => undefined), late]).finally(() => clearTimeout(timer))
}

function gauge(registry: Registry, name: string, help: string, labelNames: string[] = []): Gauge {
  return new Gauge({ name, help, labelNames, registers: [registry] })
}
