import { Gauge, type Registry } from 'prom-client'
import type { ObjectSetStatus, ObjectsDestinationStatus, ProductStatus, StatusReport } from '../api/status.js'

/** Findings of a set that say that it has no usable copy of late, in a destination or anywhere. */
const unsuccessful = new Set(['objects-missing', 'objects-too-old', 'objects-behind', 'objects-verification-failed'])

/** Gauges of the copies of sets of objects; none where no product has any. */
export function objectMetrics(report: StatusReport, registry: Registry): void {
  if (report.products.every(({ objects }) => objects.length === 0)) return
  const gauge = (name: string, help: string) =>
    new Gauge({
      name: name === '' ? 'lifeboat_objects' : `lifeboat_objects_${name}`,
      help,
      labelNames: ['product', 'set', 'destination'],
      registers: [registry],
    })
  const of = {
    success: gauge('success', 'Whether the newest snapshot is there, in time and not found damaged: 1 or 0'),
    at: gauge('last_success_timestamp_seconds', 'When the newest snapshot was begun'),
    age: gauge('age_seconds', 'How old the newest snapshot is'),
    count: gauge('', 'Objects in the newest snapshot'),
    bytes: gauge('size_bytes', 'Bytes of the objects in the newest snapshot'),
    stored: gauge('stored_bytes', 'Stored bytes that the newest snapshot needs'),
    added: gauge('added_bytes', 'Stored bytes that the run of the newest snapshot added'),
    missed: gauge('missed', 'Objects that could not be read when the newest snapshot was made'),
    took: gauge('duration_seconds', 'How long the run took that made the newest snapshot'),
    verified: gauge('verified', 'Whether its content was read back and passed: 1, 0 (failed) or -1 (not read back)'),
    snapshots: gauge('snapshots', 'Snapshots in the destination'),
    proven: gauge('verification_last_timestamp_seconds', 'When a snapshot was verified last'),
  }
  for (const product of report.products)
    for (const set of product.objects)
      for (const one of set.destinations) {
        const labels = { product: product.product, set: set.set, destination: one.destination }
        of.success.set(labels, isSuccess(product, set, one) ? 1 : 0)
        if (one.reachable) of.snapshots.set(labels, one.snapshots)
        if (one.lastVerification !== null) of.proven.set(labels, seconds(one.lastVerification.at))
        if (one.newest === null) continue
        const { createdAt, ageMs, objects, plainBytes, storedBytes, addedBytes, missed, durationMs, verified } =
          one.newest
        of.at.set(labels, seconds(createdAt))
        of.age.set(labels, ageMs / 1000)
        of.count.set(labels, objects)
        of.bytes.set(labels, plainBytes)
        of.stored.set(labels, storedBytes)
        of.added.set(labels, addedBytes)
        of.missed.set(labels, missed)
        of.took.set(labels, durationMs / 1000)
        of.verified.set(labels, verified === null ? -1 : verified ? 1 : 0)
      }
}

function isSuccess(
  { findings }: ProductStatus,
  { set }: ObjectSetStatus,
  { destination, reachable, newest }: ObjectsDestinationStatus,
): boolean {
  if (!reachable || newest === null || newest.verified === false) return false
  return !findings.some(
    ({ code, subject }) =>
      (unsuccessful.has(code) && (subject === set || subject === `${set} ${destination}`)) ||
      (code === 'schedule-missed' && subject === `copy:${set}`),
  )
}

function seconds(iso: string): number {
  return Date.parse(iso) / 1000
}
