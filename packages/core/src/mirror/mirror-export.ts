import type { BackupResult } from '../api/backups.js'
import type { RunOptions } from '../api/run-options.js'
import { exportScanned } from '../archive/export-scan.js'
import { openDestinations, ownManifests, resultManifest } from '../backup/own-keys.js'
import { allFailed, outcomeOf, publish, removeEverywhere, storeEverywhere } from '../backup/store-everywhere.js'
import { compress } from '../codec/codec.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { Deps } from '../deps.js'
import { elapsedMs } from '../elapsed-ms.js'
import { readLock, readSealer } from '../encryption/product-keys.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation, throwIfCancelled } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import { withLocks } from '../locks/hold-locks.js'
import type { BackupProvider, ProviderBackup } from '../provider/backup-provider.js'
import { wrapProviderError } from '../provider/wrap-provider-error.js'
import { exportKey, manifestKey, newBackupId } from '../repository/layout.js'
import { sealManifest } from '../seal/manifest-seal.js'
import type { ByteSource } from '../streams/byte-source.js'
import { composeExportManifest } from './compose-export-manifest.js'

export interface MirrorJob {
  readonly product: string
  readonly config: ProductConfig
  readonly folder: string
  readonly deps: Deps
  readonly provider: BackupProvider
  /** One of the provider's exports that is complete. */
  readonly backup: ProviderBackup
}

/**
 * Stores a provider's export in every destination of the product: downloaded as a stream, read to its proven end on the
 * way, encrypted, and recorded like a dump. Nothing of it touches the disk. It is dated by when the provider made it.
 * @throws BackupError `provider-lacks`, `archive-truncated`, `archive-invalid`, and when no destination has it; then
 * nothing of it is left anywhere
 */
export async function mirrorExport(job: MirrorJob, options: RunOptions): Promise<BackupResult> {
  const { product, config, deps, provider, backup } = job
  const { opening } = provider
  if (opening === undefined)
    throw new BackupError('provider-lacks', `${provider.name} (${provider.location}) does not hand its backups out`)
  throwIfCancelled(options.signal)
  const emit = emitterFor(options.onEvent)
  const lock = await readLock(config.encryption, job.folder)
  const sealer = await readSealer(config.encryption, job.folder)
  const destinations = await openDestinations(config, job.folder)
  const { now, lockLeaseMs: leaseMs } = deps
  const locking = {
    product,
    purpose: 'backup',
    stores: destinations,
    leaseMs,
    now,
    emit,
    signal: options.signal,
  } as const
  return withLocks(locking, async signal => {
    const startedAt = now()
    const createdAt = new Date(backup.createdAt ?? startedAt)
    const id = newBackupId(createdAt, deps.random)
    const key = exportKey(product, id)
    emit({ type: 'backup.started', product, id, expectedBytes: backup.sizeBytes ?? 0 })
    const noReader = new AbortController()
    const reading = AbortSignal.any([signal, noReader.signal])
    const stored = await storeEverywhere({
      packed: done => {
        const source = downloaded(provider, opening.open(backup.id, { signal: reading }), backup.id, signal)
        const watched = progressing(source, { stage: 'dump', totalBytes: backup.sizeBytes ?? 0, emit })
        return compress(exportScanned(watched, done), { codec: 'none', level: 1 })
      },
      stopSource: () => noReader.abort(),
      expectedBytes: backup.sizeBytes ?? 0,
      ...{ key, lock, destinations, emit, signal },
    })
    const survivors = destinations.filter(one => !stored.failures.has(one.name))
    try {
      const composed = composeExportManifest({
        ...{ product, id, createdAt, finishedAt: now(), provider, backup, key, lock, stored },
        destinations: destinations.map(one => one.name),
      })
      const manifest = await sealManifest(composed, sealer)
      throwIfCancelled(signal)
      const own = await ownManifests(composed, survivors, new Map([[key, stored.forms]]))
      await publish(manifest, survivors, stored.failures, { emit, signal, own })
      const outcomes = destinations.map(one => outcomeOf(one, stored.failures.get(one.name)))
      if (outcomes.every(one => one.outcome === 'failed')) throw allFailed(stored.failures)
      const status = stored.failures.size > 0 ? 'partial' : 'complete'
      emit({ type: 'backup.finished', product, id, status })
      const durationMs = elapsedMs(startedAt, now())
      const lying = resultManifest(manifest, outcomes, own)
      return { status, product, id, manifest: lying, destinations: outcomes, durationMs }
    } catch (error) {
      await removeEverywhere(survivors, [manifestKey(product, id), key], emit)
      throw error
    }
  })
}

/** The provider's bytes; what it throws comes wrapped. */
async function* downloaded(provider: BackupProvider, source: ByteSource, id: string, signal: AbortSignal): ByteSource {
  try {
    yield* source
  } catch (error) {
    if (signal.aborted) throw cancellation(signal)
    if (isBackupError(error)) throw error
    throw wrapProviderError(error, { provider, doing: `download ${id}`, signal })
  }
}
