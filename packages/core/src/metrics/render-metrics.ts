import { Gauge, Registry } from 'prom-client'
import type { DestinationStatus, ProductStatus, State, StatusReport } from '../api/status.js'
import { objectMetrics } from './object-metrics.js'

/** Other gauges that belong on the same page, such as those of a queue: each registers its own. */
export type MetricsSource = (registry: Registry) => void | Promise<void>

/** The content type of what {@link renderMetrics} makes. */
export const metricsContentType = Registry.PROMETHEUS_CONTENT_TYPE

const stateValues: Readonly<Record<State, number>> = { ok: 0, warning: 1, critical: 2 }
/** Findings that say that a destination has no usable backup of late. */
const unsuccessful = new Set(['backup-missing', 'backup-too-old', 'schedule-missed', 'verification-failed'])

/** A status as Prometheus reads it: the text format, version 0.0.4. `docs/metrics.md` lists every name. */
export async function renderMetrics(report: StatusReport, more: readonly MetricsSource[] = []): Promise<string> {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const place = ['product', 'destination']
  const ofDestination = {
    success: gauge(
      'lifeboat_backup_success',
      'Whether the newest backup is there, in time and not found damaged: 1 or 0',
      place,
    ),
    alias: gauge('backup_success', 'The same as lifeboat_backup_success, under the name that older rules use', place),
    at: gauge('lifeboat_backup_last_success_timestamp_seconds', 'When the newest backup was begun', place),
    age: gauge('lifeboat_backup_age_seconds', 'How old the newest backup is', place),
    bytes: gauge('lifeboat_backup_size_bytes', 'Stored bytes of the newest backup', place),
    took: gauge('lifeboat_backup_duration_seconds', 'How long the run took that made the newest backup', place),
    rows: gauge('lifeboat_backup_rows', 'Rows in the newest backup', place),
    verified: gauge(
      'lifeboat_backup_verified',
      'Whether the newest backup was read back and passed: 1, 0 (failed) or -1 (not read back)',
      place,
    ),
    count: gauge('lifeboat_backups', 'Complete backups in the destination', place),
    up: gauge('lifeboat_destination_up', 'Whether the destination could be listed: 1 or 0', place),
  }
  const proof = {
    verification: proofGauges(gauge, 'verification', 'verification'),
    drill: proofGauges(gauge, 'drill', 'drill'),
  }
  const state = gauge('lifeboat_product_state', 'How the product is: 0 ok, 1 warning, 2 critical', ['product'])
  const next = gauge('lifeboat_next_run_timestamp_seconds', 'When the next job of the schedule is due', [
    'product',
    'job',
  ])
  const findings = gauge('lifeboat_findings', 'How many findings the product has', ['product', 'severity'])
  gauge('lifeboat_status_timestamp_seconds', 'When the stores were read', []).set(seconds(report.checkedAt))

  for (const product of report.products) {
    const of = { product: product.product }
    state.set(of, stateValues[product.state])
    for (const severity of ['critical', 'warning', 'info'] as const)
      findings.set({ ...of, severity }, product.findings.filter(one => one.severity === severity).length)
    for (const { nextRun } of [product, ...product.objects])
      if (nextRun !== null) next.set({ ...of, job: nextRun.job }, seconds(nextRun.at))
    for (const kind of ['verification', 'drill'] as const) {
      const last = kind === 'drill' ? product.lastDrill : product.lastVerification
      // Whoever asks for the last success of what never was gets none, and `absent` tells.
      if (last === null) continue
      proof[kind].success.set(of, last.ok ? 1 : 0)
      proof[kind].at.set(of, seconds(last.at))
    }
    for (const one of product.destinations) {
      const labels = { ...of, destination: one.destination }
      const success = isSuccess(one, product) ? 1 : 0
      ofDestination.success.set(labels, success)
      ofDestination.alias.set(labels, success)
      ofDestination.up.set(labels, one.reachable ? 1 : 0)
      if (one.reachable) ofDestination.count.set(labels, one.backups)
      if (one.newest === null) continue
      const { createdAt, ageMs, storedBytes, durationMs, rows, verified } = one.newest
      ofDestination.at.set(labels, seconds(createdAt))
      ofDestination.age.set(labels, ageMs / 1000)
      ofDestination.bytes.set(labels, storedBytes)
      ofDestination.took.set(labels, durationMs / 1000)
      if (rows !== null) ofDestination.rows.set(labels, rows)
      ofDestination.verified.set(labels, verified === null ? -1 : verified ? 1 : 0)
    }
  }
  objectMetrics(report, registry)
  for (const add of more) await add(registry)
  return registry.metrics()
}

function proofGauges(
  gauge: (name: string, help: string, labels: string[]) => Gauge,
  kind: string,
  words: string,
): { readonly success: Gauge; readonly at: Gauge } {
  return {
    success: gauge(`lifeboat_${kind}_success`, `Whether the newest ${words} passed: 1 or 0`, ['product']),
    at: gauge(`lifeboat_${kind}_last_timestamp_seconds`, `When the newest ${words} ended`, ['product']),
  }
}

/** Whether the destination has a backup that is good as far as anybody knows. */
function isSuccess({ destination, reachable, newest }: DestinationStatus, { findings }: ProductStatus): boolean {
  if (!reachable || newest === null || newest.verified === false) return false
  const against = findings.filter(({ code, severity }) => severity === 'critical' && unsuccessful.has(code))
  const behind = findings.some(
    one => one.subject === destination && (one.code === 'backup-partial' || one.code === 'destination-behind'),
  )
  return !behind && !against.some(({ subject }) => subject === null || subject === 'backup' || subject === destination)
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000
}
