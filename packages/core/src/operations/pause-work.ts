import type { RunOptions } from '../api/run-options.js'
import type { PauseWork } from '../maintenance/pause-services.js'
import type { OpenContext } from './open-context.js'

/** What pausing a product's services needs to know. */
export function pauseWorkOf(context: OpenContext, product: string, run: RunOptions): PauseWork {
  const { provider, destinations } = context.productFor(product, run)
  const stores = Object.values(destinations).map(one => one.store)
  return { product, provider, stores, now: context.deps.now, leaseMs: context.deps.lockLeaseMs }
}
