import type { RunOptions } from '../api/run-options.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { readRecordKeys } from '../encryption/record-keys.js'
import type { HistoryPlace } from '../repository/read-history.js'
import type { OpenContext } from './open-context.js'

/** Where the records of products lie, with the keys that tell which of them count. */
export async function recordPlaces(
  context: OpenContext,
  named: readonly string[],
  run: RunOptions,
  only?: string,
): Promise<HistoryPlace[]> {
  const { keys, folder } = context
  const found: HistoryPlace[] = []
  for (const product of named) {
    const config = context.productOf(product)
    for (const [destination, { store }] of context.destinationsFor(product, run, only))
      found.push({
        ...{ product, destination, store },
        keys: await readRecordKeys(encryptionAt(config, destination), keys, folder),
      })
  }
  return found
}
