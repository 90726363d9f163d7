import type { SelectOptions } from '../api/run-options.js'
import type { ObjectSetConfig } from '../config/objects-schema.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { messageOpener } from '../encryption/message-session.js'
import { readLock, readSealer, readSealKeys, readUnlock } from '../encryption/product-keys.js'
import { BackupError } from '../errors/backup-error.js'
import { findSet } from '../objects/find-set.js'
import { listingKeys } from '../objects/listing-keys.js'
import type { OpenContext } from './open-context.js'

/** A set of objects of a product. @throws BackupError `config-invalid` */
export function objectSetOf(context: OpenContext, product: string, set: string): ObjectSetConfig {
  return findSet(product, context.productOf(product).objects, set)
}

/** The destinations that a set is copied to, or the one that is named of them. @throws BackupError `config-invalid` */
export function destinationsOfSet(
  context: OpenContext,
  product: string,
  config: ObjectSetConfig,
  run: SelectOptions & Parameters<OpenContext['destinationsFor']>[1],
) {
  const named = context.destinationsFor(product, run, run.destination)
  const chosen = named.filter(([name]) => config.destinations?.includes(name) ?? true)
  if (chosen.length > 0) return chosen
  throw new BackupError('config-invalid', `the set is not copied to the destination ${run.destination}`, {
    hint: `it is copied to: ${config.destinations?.join(', ')}`,
  })
}

/** What a run encrypts to and seals with, and what it reads the snapshot before with. */
export async function writingKeysOf(context: OpenContext, product: string, destination: string) {
  const { keys, folder } = context
  const encryption = encryptionAt(context.productOf(product), destination)
  const lock = await readLock(encryption, folder)
  const sealer = await readSealer(encryption, folder)
  const sealKeys = await readSealKeys(encryption, keys, folder)
  const listing = await listingKeys(lock, await readUnlock(encryption, keys, folder), sealer)
  const openListing = messageOpener(listing.unlock)
  return { lock, sealer, sealKeys, listingLock: listing.lock, openListing, listingUnlock: listing.unlock }
}
