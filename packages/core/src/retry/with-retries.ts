import type { ResolvedConfig } from '../config/config-schema.js'
import type { Deps } from '../deps.js'
import { ruled } from '../destination/ruled-store.js'
import type { EventListener } from '../events/backup-event.js'
import { retrying } from './retrying.js'

/**
 * The same configuration for one run: what its stores repeat is told to the run's listener, and what they are given
 * follows the rules of its destination.
 */
export function withRetries(
  config: ResolvedConfig,
  emit: EventListener,
  { retry: policy, now }: Pick<Deps, 'retry' | 'now'>,
): ResolvedConfig {
  const products = Object.entries(config.products).map(([product, settings]) => {
    const destinations = Object.entries(settings.destinations).map(([destination, one]) => {
      const store = ruled(retrying(one.store, { destination, emit, policy }), one, now)
      return [destination, { ...one, store }] as const
    })
    return [product, { ...settings, destinations: Object.fromEntries(destinations) }] as const
  })
  return { ...config, products: Object.fromEntries(products) }
}
