import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { type ProofRecord, proofRecordSchema } from './record-schema.js'

/** Writes one verification or drill, once: `<product>/verifications/<time>-<id>.json`. Returns the key. */
export async function writeRecord(store: ObjectStore, record: ProofRecord, signal?: AbortSignal): Promise<string> {
  const stamp = new Date(record.at).toISOString().replace(/[-:]/g, '').replace('.', '')
  const key = `${record.product}/verifications/${stamp}-${record.id}.json`
  try {
    await store.put(key, bytesOf(`${JSON.stringify(record, null, 2)}\n`), { ifAbsent: true, signal })
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `record the ${record.kind} ${key}`, signal })
  }
  return key
}

/** A record lists its findings; a thousand tables that differ still fit. */
const maxRecordBytes = 2 ** 24
const readsInFlight = 8

export interface RecordPlace {
  readonly product: string
  /** Told of records that do not say it themselves: those of older versions. */
  readonly destination: string
}

/** Every verification and drill of a product in one store, oldest first. What is no record of ours counts for nothing. */
export async function readRecords(
  store: ObjectStore,
  place: RecordPlace,
  signal?: AbortSignal,
): Promise<ProofRecord[]> {
  const found: ProofRecord[] = []
  try {
    const records = orderedParallel(
      store.list(`${place.product}/verifications/`, { signal }),
      readsInFlight,
      ({ key }) => readRecord(store, key, place, signal),
    )
    for await (const record of records) if (record !== undefined) found.push(record)
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `read the verifications of ${place.product}`, signal })
  }
  return found.sort((a, b) => a.at.localeCompare(b.at))
}

/** Of each backup the newest record at `content` or above: whether it passed, and on which bytes. */
export function newestProofs(records: readonly ProofRecord[]): Map<string, ProofRecord> {
  const newest = new Map<string, ProofRecord>()
  for (const record of records) {
    if (record.level !== 'content' && record.level !== 'restored') continue
    const known = newest.get(record.id)
    if (known === undefined || known.at < record.at) newest.set(record.id, record)
  }
  return newest
}

async function readRecord(
  store: ObjectStore,
  key: string,
  place: RecordPlace,
  signal: AbortSignal | undefined,
): Promise<ProofRecord | undefined> {
  try {
    const value = parseJson(await readWhole(store.get(key, { signal }), maxRecordBytes))
    if (typeof value !== 'object' || value === null) return undefined
    return proofRecordSchema.safeParse({ ...place, ...value }).data
  } catch (error) {
    // Whatever is that large is no record of ours.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // Not JSON: not a record.
    return undefined
  }
}
