import type { DoctorCheck } from '../api/doctor.js'
import type { RunOptions } from '../api/run-options.js'
import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { listKeys } from '../keys/list-keys.js'
import type { DoctorJob } from './run-doctor.js'

/**
 * What stands against the keys of a product: expired, soon to expire, not proved for too long.
 * @param answered the destinations that did when they were tried: the others are not waited for once more
 */
export async function checkKeys(
  job: DoctorJob,
  answered: ReadonlySet<string>,
  options: RunOptions,
): Promise<DoctorCheck[]> {
  const { product, folder, keys: fallback, deps } = job
  const destinations = Object.fromEntries(
    Object.entries(job.config.destinations).filter(([name]) => answered.has(name)),
  )
  const config = { ...job.config, destinations }
  try {
    const { findings } = await listKeys({ product, config, folder, fallback, now: deps.now() }, options)
    return findings.map(({ severity, message, hint }) => ({
      ...{ product, area: 'keys', message, hint },
      ok: severity !== 'critical',
    }))
  } catch (error) {
    throwIfCancelled(options.signal)
    // What cannot be read of keys or stores is said by the checks of these.
    if (isBackupError(error)) return []
    throw error
  }
}
