import type { RunOptions } from '../api/run-options.js'
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
    const recordKeys = await readRecordKeys(context.productOf(product).encryption, keys, folder)
    for (const [destination, { store }] of context.destinationsFor(product, run, only))
      found.push({ product, destination, store, keys: recordKeys })
  }
  return found
}
