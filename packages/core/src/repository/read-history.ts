import type { RunOptions } from '../api/run-options.js'
import type { SealKeys } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import type { ProofRecord } from './record-schema.js'
import { readCounted } from './verification-record.js'

/** A destination of a product, and how its records must be sealed. */
export interface HistoryPlace {
  readonly product: string
  readonly destination: string
  readonly store: ObjectStore
  readonly keys: SealKeys
}

/**
 * Every verification and drill that destinations of products hold and that counts, newest first; at most as old as
 * `since`. What somebody else wrote or changed is left out: whoever may write to a store could praise its backups.
 */
export async function readHistory(
  places: readonly HistoryPlace[],
  options: RunOptions & { readonly since?: Date | undefined },
): Promise<ProofRecord[]> {
  const found: ProofRecord[] = []
  for (const { store, keys, ...place } of places)
    found.push(...(await readCounted(store, place, keys, options.signal)).records)
  const since = options.since?.toISOString() ?? ''
  return found.filter(record => record.at >= since).sort((a, b) => b.at.localeCompare(a.at))
}
