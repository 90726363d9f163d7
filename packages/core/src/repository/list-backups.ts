import type { ListedBackup, Unreadable } from '../api/backups.js'
import { isBackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { isBackupId } from './layout.js'
import { listProduct } from './list-product.js'
import { readManifest } from './read-manifest.js'

const readsInFlight = 8

/** Every backup of a product in one store, newest first by `createdAt`; and every manifest that could not be read. */
export async function listBackups(
  store: ObjectStore,
  place: { readonly product: string; readonly destination: string },
  signal?: AbortSignal,
): Promise<{ readonly backups: ListedBackup[]; readonly unreadable: Unreadable[] }> {
  const { product, destination } = place
  const backups: ListedBackup[] = []
  const unreadable: Unreadable[] = []
  for await (const read of orderedParallel(manifestKeys(store, product, signal), readsInFlight, readOne)) {
    if ('manifest' in read) backups.push(read)
    else unreadable.push(read)
  }
  backups.sort((a, b) => b.manifest.createdAt.localeCompare(a.manifest.createdAt) || b.id.localeCompare(a.id))
  return { backups, unreadable }

  async function readOne(key: string): Promise<ListedBackup | Unreadable> {
    try {
      const manifest = await readManifest(store, key, signal)
      const [, id] = key.split('/')
      if (manifest.product !== product || manifest.id !== id) {
        return { product, destination, key, message: `it is the manifest of ${manifest.product}/${manifest.id}` }
      }
      const storedBytes = manifest.artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0)
      return { product, id: manifest.id, destination, location: store.location, manifest, storedBytes }
    } catch (error) {
      const known = ['manifest-invalid', 'object-missing', 'object-archived'] as const
      if (isBackupError(error) && known.some(code => code === error.code)) {
        return { product, destination, key, message: error.message }
      }
      throw error
    }
  }
}

async function* manifestKeys(
  store: ObjectStore,
  product: string,
  signal: AbortSignal | undefined,
): AsyncIterable<string> {
  try {
    for await (const object of listProduct(store, product, { signal })) {
      const parts = object.key.split('/')
      if (parts.length === 3 && parts[2] === 'manifest.json' && isBackupId(parts[1]!)) yield object.key
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${product}/`, signal })
  }
}
