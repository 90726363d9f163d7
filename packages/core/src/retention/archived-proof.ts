import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { listProduct } from '../repository/list-product.js'
import type { Manifest } from '../repository/manifest.js'
import { findVerified } from '../repository/verification-record.js'
import type { SealKeys } from '../seal/seal.js'
import type { ObjectStore, StoredObject } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'

/** A destination whose records may speak for another one's backups. */
export interface ProofPlace {
  readonly destination: string
  readonly store: ObjectStore
  readonly recordKeys: SealKeys
}

/**
 * Which backups that lie in an archive are as good as verified: nobody reads them back there, so the verification of the
 * same bytes under the same manifest in another destination counts, as long as each artifact here has its length. Without
 * this an archive would never reach `minimum`, and never let go of anything.
 */
export async function findArchivedProof(
  place: {
    readonly product: string
    readonly store: ObjectStore
    readonly siblings?: readonly ProofPlace[] | undefined
  },
  manifests: readonly Manifest[],
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const { product, store, siblings = [] } = place
  const proven = new Set<string>()
  if (siblings.length === 0 || !store.capabilities.storageClasses) return proven
  const archived = await archivedWhole(store, product, manifests, signal)
  if (archived.length === 0) return proven
  for (const sibling of siblings) {
    try {
      const { destination, recordKeys } = sibling
      for (const id of await findVerified(sibling.store, { product, destination }, archived, recordKeys, signal))
        proven.add(id)
    } catch (error) {
      throwIfCancelled(signal)
      // One that does not answer proves nothing; less is removed then.
      if (!isBackupError(error)) throw error
    }
  }
  return proven
}

/** Those of which an artifact lies in an archive, and none is missing or of another length. */
async function archivedWhole(
  store: ObjectStore,
  product: string,
  manifests: readonly Manifest[],
  signal: AbortSignal | undefined,
): Promise<Manifest[]> {
  const objects = new Map<string, StoredObject>()
  try {
    for await (const one of listProduct(store, product, { signal })) objects.set(one.key, one)
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${product}/`, signal })
  }
  return manifests.filter(({ artifacts }) => {
    const found = artifacts.map(one => objects.get(one.key))
    return (
      found.some(one => one?.archive !== undefined) &&
      found.every((one, index) => one?.sizeBytes === artifacts[index]!.storedBytes)
    )
  })
}
