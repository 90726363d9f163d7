import { BackupError } from '../errors/backup-error.js'
import type { Artifact, Manifest } from '../repository/manifest.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'

/**
 * Which artifacts of a backup a place has lost, although it has its manifest. A look at each tells; no byte is read.
 * @throws BackupError `object-damaged` when one is there with another length: nothing is ever overwritten
 */
export async function findLacking(
  store: ObjectStore,
  { product, id, artifacts }: Manifest,
  signal: AbortSignal,
): Promise<readonly Artifact[]> {
  const lacking: Artifact[] = []
  for (const artifact of artifacts) {
    const { key, storedBytes } = artifact
    const found = await store.head(key, { signal }).catch((error: unknown) => {
      throw wrapStoreError(error, { store, doing: `look at ${key}`, signal })
    })
    if (found === undefined) lacking.push(artifact)
    else if (found.sizeBytes !== storedBytes)
      throw new BackupError(
        'object-damaged',
        `${store.location} holds ${found.sizeBytes} bytes of ${key} where its manifest records ${storedBytes}`,
        { hint: `remove ${product}/${id} there, then copy again: nothing is ever overwritten` },
      )
  }
  return lacking
}
