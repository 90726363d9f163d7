import type { ObjectStore, StoreCallOptions, StoredObject } from '../store/object-store.js'
import { backupsPrefixes } from './layout.js'

/**
 * What lies in the backups of a product and in some of its folders. The listing of all that the product has would walk
 * through its copied objects as well, a thousand keys a request.
 * @param folders of the product, such as `verifications`
 */
export async function* listProduct(
  store: ObjectStore,
  product: string,
  options: StoreCallOptions,
  folders: readonly string[] = [],
): AsyncGenerator<StoredObject> {
  const prefixes = [...backupsPrefixes(product), ...folders.map(folder => `${product}/${folder}/`)]
  for (const prefix of prefixes) yield* store.list(prefix, options)
}
