import type { ObjectHistoryOptions } from '../api/objects.js'
import type { RunOptions } from '../api/run-options.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { readRecordKeys } from '../encryption/record-keys.js'
import { type ObjectsRecord, readObjectsRecords, writeObjectsRecord } from '../objects/objects-record.js'
import { rememberingKey } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { recordSealer } from './keep-record.js'
import type { OpenContext } from './open-context.js'

/** Writes a record beside the snapshots of its set. */
export async function keepObjectsRecord(
  context: OpenContext,
  store: ObjectStore,
  record: ObjectsRecord,
  run: RunOptions,
): Promise<void> {
  const { product, set } = record
  const sealer = await recordSealer(context, context.productOf(product), record, run)
  await writeObjectsRecord({ store, product, set }, record, { sealer, signal: run.signal })
}

/** The recorded verifications of sets, newest first, of the destinations that sets are copied to. */
export async function readObjectHistory(
  context: OpenContext,
  product: string | undefined,
  { set: only, ...run }: ObjectHistoryOptions,
): Promise<ObjectsRecord[]> {
  const { keys, folder } = context
  const found: ObjectsRecord[] = []
  for (const name of product === undefined ? context.products : [product]) {
    const config = context.productOf(name)
    const sets = Object.entries(config.objects ?? {}).filter(([set]) => only === undefined || set === only)
    if (sets.length === 0) continue
    for (const [destination, { store }] of context.destinationsFor(name, run, run.destination)) {
      const keyOf = rememberingKey()
      const recordKeys = await readRecordKeys(encryptionAt(config, destination), keys, folder)
      for (const [set, { destinations }] of sets) {
        if (!(destinations?.includes(destination) ?? true)) continue
        const place = { store, product: name, set, destination }
        const { since, signal } = run
        found.push(...(await readObjectsRecords(place, recordKeys, { keyOf, since, signal })))
      }
    }
  }
  return found.sort((a, b) => b.at.localeCompare(a.at))
}
