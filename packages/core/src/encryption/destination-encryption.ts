import type { EncryptionConfig, ProductConfig } from '../config/config-schema.js'

/**
 * Who can read the backups in a destination, and what they are sealed with: what it says itself, and where both name
 * recipients, the product's keys for what it leaves out. An unknown destination is as the product.
 */
export function encryptionAt(
  product: Pick<ProductConfig, 'encryption' | 'destinations'>,
  destination: string | undefined,
): EncryptionConfig {
  const all = product.destinations
  const own = destination !== undefined && Object.hasOwn(all, destination) ? all[destination]!.encryption : undefined
  if (own === undefined) return product.encryption
  if ('passphrase' in own || 'passphrase' in product.encryption) return own
  return { ...product.encryption, ...withoutUndefined(own) }
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T
}
