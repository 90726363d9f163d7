import type { RunOptions } from '../lifeboat-api.js'
import type { ObjectStore } from '../store/object-store.js'
import type { ProofRecord } from './record-schema.js'
import { readRecords } from './verification-record.js'

/** Every verification and drill that the destinations of products hold, newest first; at most as old as `since`. */
export async function readHistory(
  places: readonly { readonly product: string; readonly destination: string; readonly store: ObjectStore }[],
  options: RunOptions & { readonly since?: Date | undefined },
): Promise<ProofRecord[]> {
  const found: ProofRecord[] = []
  for (const { store, ...place } of places) found.push(...(await readRecords(store, place, options.signal)))
  const since = options.since?.toISOString() ?? ''
  return found.filter(record => record.at >= since).sort((a, b) => b.at.localeCompare(a.at))
}
