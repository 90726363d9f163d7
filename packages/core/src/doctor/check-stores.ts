import type { DoctorCheck, DoctorOptions } from '../api/doctor.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { ObjectStore } from '../store/object-store.js'
import type { StorePosture } from '../store/store-posture.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { judgePosture, type PostureLine } from './judge-posture.js'
import { judgeSetLocks } from './judge-set-locks.js'
import { probeRights } from './probe-rights.js'
import type { DoctorJob } from './run-doctor.js'

/** How each destination's place is set up, against what the destination promises; with `probe` also what its key can do. */
export async function checkStores(job: DoctorJob, options: DoctorOptions): Promise<DoctorCheck[]> {
  const { product, config, deps } = job
  const { signal } = options
  const checks: DoctorCheck[] = []
  for (const [name, destination] of Object.entries(config.destinations)) {
    const { store } = destination
    const say = (area: string, lines: readonly PostureLine[]) =>
      checks.push(
        ...lines.map(({ ok, message, hint }) => ({ product, area, ok, message: `${name}: ${message}`, hint })),
      )
    const attempt = async (area: string, doing: string, work: () => Promise<PostureLine[]>) => {
      throwIfCancelled(signal)
      say(area, await work().catch(error => [failed(error, store, doing, signal)]))
    }
    let posture: StorePosture | null = null
    if (store.posture !== undefined)
      await attempt('store', 'see how it is set up', async () => {
        posture = await store.posture!({ signal })
        const sets = Object.entries(config.objects ?? {}).filter(([, set]) => set.destinations?.includes(name) ?? true)
        return [
          ...judgePosture(destination, posture, { prefix: `${product}/` }),
          ...judgeSetLocks(Object.fromEntries(sets), destination, posture),
        ]
      })
    if (options.probe)
      await attempt('probe', 'try its key', () => {
        const locked = destination.objectLock !== undefined
        return probeRights({ product, store, now: deps.now(), posture, locked }, signal)
      })
  }
  return checks
}

function failed(error: unknown, store: ObjectStore, doing: string, signal: AbortSignal | undefined): PostureLine {
  throwIfCancelled(signal)
  const { message, hint } = wrapStoreError(error, { store, doing, signal })
  return { ok: false, message, hint: hint ?? null }
}
