import type { RunOptions } from '../api/run-options.js'
import type { ProductConfig } from '../config/config-schema.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import type { FallbackKeys } from '../encryption/product-keys.js'
import { isBackupError } from '../errors/backup-error.js'
import { readNewestSnapshot, type Snapshot } from '../objects/snapshot.js'
import { listBackups } from '../repository/list-backups.js'
import { judgeKeys } from './judge-keys.js'
import type { KeyListing } from './key-state.js'
import { type KeyPlace, readKeyStates } from './read-key-states.js'

export interface ListKeysJob {
  readonly product: string
  readonly config: Pick<ProductConfig, 'encryption' | 'destinations' | 'objects'>
  readonly folder: string
  readonly fallback: FallbackKeys
  readonly now: Date
}

/** The keys of a product, from its configuration and what its destinations hold. One that does not answer is said. */
export async function listKeys(job: ListKeysJob, { signal }: RunOptions): Promise<KeyListing> {
  const { product, config, folder, fallback, now } = job
  const places: KeyPlace[] = []
  const unread: { destination: string; message: string }[] = []
  for (const [destination, { store }] of Object.entries(config.destinations)) {
    try {
      const { backups } = await listBackups(store, { product, destination }, signal)
      const snapshots: Snapshot[] = []
      for (const [set, { destinations }] of Object.entries(config.objects ?? {})) {
        if (!(destinations?.includes(destination) ?? true)) continue
        const newest = await readNewestSnapshot({ store, product, set }, signal)
        if (newest !== undefined) snapshots.push(newest)
      }
      places.push({ ...keyPlace(config, destination, backups[0]?.manifest), snapshots })
    } catch (error) {
      if (!isBackupError(error) || error.code === 'cancelled') throw error
      unread.push({ destination, message: error.message })
      // What its next backups are encrypted to is known all the same.
      places.push(keyPlace(config, destination, undefined))
    }
  }
  const keys = await readKeyStates({ product, folder, fallback, now }, places, signal)
  const proveEveryMs = config.encryption.proveEvery
  return { product, keys, findings: judgeKeys(keys, now, { proveEveryMs }), unread }
}

/** A destination as {@link readKeyStates} takes it. */
export function keyPlace(
  config: Pick<ProductConfig, 'encryption' | 'destinations'>,
  destination: string,
  newest: KeyPlace['newest'],
): KeyPlace {
  const { store, encryption: own } = config.destinations[destination]!
  const ownPassphrase = own !== undefined && 'passphrase' in own
  return { destination, store, encryption: encryptionAt(config, destination), ownPassphrase, newest }
}
