import type { ResolvedConfig } from '../config/config-schema.js'
import type { EventListener } from '../events/backup-event.js'
import type { RetryPolicy } from './retry-policy.js'
import { retrying } from './retrying.js'

/** The same configuration for one run: what its stores repeat is told to the run's listener. */
export function withRetries(config: ResolvedConfig, emit: EventListener, policy: RetryPolicy): ResolvedConfig {
  const products = Object.entries(config.products).map(([product, settings]) => {
    const destinations = Object.entries(settings.destinations).map(([destination, one]) => {
      return [destination, { ...one, store: retrying(one.store, { destination, emit, policy }) }] as const
    })
    return [product, { ...settings, destinations: Object.fromEntries(destinations) }] as const
  })
  return { ...config, products: Object.fromEntries(products) }
}
