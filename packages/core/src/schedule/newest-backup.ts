import { isBackupId, manifestKey } from '../repository/layout.js'
import { listProduct } from '../repository/list-product.js'
import { isExport } from '../repository/locate-artifact.js'
import type { Manifest } from '../repository/manifest.js'
import { readManifest } from '../repository/read-manifest.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'

/**
 * Manifests of a product's own backups in a store, the newest id first: read one by one, as far as the caller goes. What
 * cannot be read is passed over.
 */
export async function* newestBackups(
  store: ObjectStore,
  product: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Manifest> {
  const ids: string[] = []
  try {
    for await (const { key } of listProduct(store, product, { signal })) {
      const [, id, name, ...more] = key.split('/')
      if (name === 'manifest.json' && more.length === 0 && isBackupId(id!)) ids.push(id!)
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${product}/`, signal })
  }
  for (const id of ids.sort().reverse()) {
    const manifest = await readManifest(store, manifestKey(product, id), signal).catch((error: unknown) => {
      if (signal?.aborted) throw error
      // Damage is what a verification tells of.
      return undefined
    })
    if (manifest !== undefined && !isExport(manifest)) yield manifest
  }
}
