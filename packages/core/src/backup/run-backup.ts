import type { BackupOptions, BackupResult } from '../api/backups.js'
import { assertZstd } from '../codec/codec.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { Deps } from '../deps.js'
import { type DumpPacker, prepareDump } from '../dump/pack-dump.js'
import { readLock, readSealer } from '../encryption/product-keys.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import { planBundles } from '../files/backup-bundles.js'
import { acquireAdvisoryLock } from '../locks/advisory-lock.js'
import { withLocks } from '../locks/hold-locks.js'
import { connect, databaseError } from '../postgres/connection.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { choosePgDump } from '../postgres/find-pg-tools.js'
import { probeSource } from '../postgres/probe-source.js'
import { sourceAddress } from '../provider/source-address.js'
import { chooseDestinations } from './choose-destinations.js'
import { exportOnce } from './export-once.js'
import { openDestinations } from './own-keys.js'
import { refuseOddWords } from './refuse-odd-words.js'

export interface BackupJob {
  readonly product: string
  readonly config: ProductConfig
  readonly folder: string
  readonly deps: Deps
}

/**
 * The nightly path: probe, lock, snapshot, dump, scan, compress, encrypt, store everywhere, manifest last.
 * @throws BackupError when no destination has the backup; then nothing of it is left anywhere
 */
export async function runBackup(job: BackupJob, options: BackupOptions): Promise<BackupResult> {
  refuseOddWords(options)
  throwIfCancelled(options.signal)
  const { config } = job
  if (config.compression.codec === 'zstd') assertZstd()
  // It takes its time to get ready, while the source and the stores are asked.
  const packer = prepareDump()
  try {
    return await probeAndExport(job, options, packer)
  } finally {
    await packer.close()
  }
}

async function probeAndExport(job: BackupJob, options: BackupOptions, packer: DumpPacker): Promise<BackupResult> {
  const { product, config, deps } = job
  const { signal } = options
  const emit = emitterFor(options.onEvent)
  const lock = await readLock(config.encryption, job.folder)
  const sealer = await readSealer(config.encryption, job.folder)
  const bundles = await planBundles(config, { folder: job.folder, emit, signal })
  const target = parseConnectionUrl(await sourceAddress(config, { signal: options.signal }))
  // Looked for while the server answers; a failure is met where the tools are needed.
  const found = deps.findPgTools()
  // The search runs programs: none of them outlives this call.
  const searched = found.then(nothing, nothing)
  const client = await connect(target, signal).catch(async (error: unknown) => {
    await searched
    throw error
  })
  try {
    const probe = await probeSource(client, target, config.source.schemas, signal)
    const tools = choosePgDump(await found, probe.serverMajor)
    emit({
      type: 'source.probed',
      product,
      serverVersion: probe.serverVersion,
      databaseBytes: probe.databaseBytes,
      pgDump: tools.version,
    })
    const stores = await openDestinations(config, job.folder)
    await acquireAdvisoryLock(client, product).catch((error: unknown) => {
      throw databaseError(error, target, signal)
    })
    const { now, lockLeaseMs: leaseMs } = deps
    const { taking, passedOver } = await chooseDestinations(stores, { product, config, now: now() }, options)
    return await withLocks({ product, purpose: 'backup', stores: taking, leaseMs, now, emit, signal }, held =>
      exportOnce(
        { ...job, destinations: taking, passedOver, lock, sealer, bundles, target, client, probe, tools, packer },
        { ...options, signal: held },
      ),
    )
  } finally {
    await searched
    await client.end()
  }
}

function nothing(): void {}
