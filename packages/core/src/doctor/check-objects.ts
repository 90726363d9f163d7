import type { DoctorCheck } from '../api/doctor.js'
import type { RunOptions } from '../api/run-options.js'
import type { ObjectSetConfig } from '../config/objects-schema.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { readLock, readSealer, readUnlock } from '../encryption/product-keys.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { listingKeys } from '../objects/listing-keys.js'
import { snapshotsPrefix } from '../objects/object-layout.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import type { DoctorJob } from './run-doctor.js'

/**
 * Tries what a copy of each set of objects needs: that its source can be listed and read, that its destinations can be
 * listed there, and that the next run could read the listing of this one.
 */
export async function checkObjects(job: DoctorJob, { signal }: RunOptions): Promise<DoctorCheck[]> {
  const { product, config } = job
  const checks: DoctorCheck[] = []
  const attempt = async (set: string, work: () => Promise<string>) => {
    throwIfCancelled(signal)
    const said = { product, area: 'objects' }
    try {
      checks.push({ ...said, ok: true, message: `${set}: ${await work()}`, hint: null })
    } catch (error) {
      throwIfCancelled(signal)
      const { message, hint } = isBackupError(error)
        ? error
        : new BackupError('unexpected', error instanceof Error ? error.message : String(error))
      checks.push({ ...said, ok: false, message: `${set}: ${message}`, hint: hint ?? null })
    }
  }
  for (const [set, one] of Object.entries(config.objects ?? {})) {
    await attempt(set, () => trySource(one, signal))
    for (const destination of one.destinations ?? Object.keys(config.destinations)) {
      const { store } = config.destinations[destination]!
      await attempt(set, async () => {
        const prefix = snapshotsPrefix(product, set)
        try {
          for await (const _ of store.list(prefix, { signal })) break
        } catch (error) {
          throw wrapStoreError(error, { store, doing: `list ${prefix}`, signal })
        }
        const encryption = encryptionAt(config, destination)
        const lock = await readLock(encryption, job.folder)
        const unlock = await readUnlock(encryption, job.keys, job.folder)
        await listingKeys(lock, unlock, await readSealer(encryption, job.folder))
        return `can be copied to ${destination}, and the next run can read the listing of this one`
      })
    }
  }
  return checks
}

/** Lists until the first object, and reads its first byte: a key may be allowed the one and not the other. */
async function trySource({ from, prefix }: ObjectSetConfig, signal: AbortSignal | undefined): Promise<string> {
  const place = `${from.location}${prefix === '' ? '' : `, keys that begin with ${prefix}`}`
  try {
    for await (const { key, sizeBytes } of from.list(prefix, { signal })) {
      if (sizeBytes === 0) continue
      for await (const _ of from.get(key, { range: { start: 0, end: 0 }, signal })) break
      return `${place}: can be listed and read`
    }
  } catch (error) {
    throw wrapStoreError(error, { store: from, doing: `read the source ${from.location}`, signal })
  }
  return `${place}: can be listed; nothing is in it that could be read`
}
