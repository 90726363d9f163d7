import { createHash } from 'node:crypto'
import { canonicalJson } from '../seal/canonical-json.js'
import {
  type DeriveKey,
  judgeSeal,
  prepareToSeal,
  rememberingKey,
  type Seal,
  type Sealer,
  type SealKeys,
  sealSchema,
} from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { jsonExcess } from './json-excess.js'
import type { Manifest } from './manifest.js'
import { hashManifest } from './manifest-hash.js'
import { type ProofRecord, proofRecordSchema } from './record-schema.js'

/** Writes one verification or drill, once: `<product>/verifications/<time>-<id>.json`. Returns the key. */
export async function writeRecord(
  store: ObjectStore,
  record: ProofRecord,
  options: { readonly sealer?: Sealer; readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const { sealer, signal } = options
  const seal = sealer ? await prepareToSeal(sealer, recordSalt(record.product))(sealedMessage(record)) : null
  return putOnce(store, { ...record, seal }, { folder: 'verifications', what: `the ${record.kind}`, signal })
}

/** Writes a record as `<product>/<folder>/<time>-<id>.json`, never over another. Returns the key. */
export async function putOnce(
  store: ObjectStore,
  record: Readonly<Record<'product' | 'id' | 'at', string>> & { readonly seal: Seal | null },
  options: { readonly folder: string; readonly what: string; readonly signal: AbortSignal | undefined },
): Promise<string> {
  const { folder, what, signal } = options
  const text = `${JSON.stringify(record, null, 2)}\n`
  for (let atMs = Date.parse(record.at); ; atMs++) {
    const stamp = new Date(atMs).toISOString().replace(/[-:]/g, '').replace('.', '')
    const key = `${record.product}/${folder}/${stamp}-${record.id}.json`
    try {
      await store.put(key, bytesOf(text), { ifAbsent: true, signal })
      return key
    } catch (error) {
      // Two records of one backup in one millisecond: the second takes the next one's name.
      if (store.classify(error) === 'object-exists' && atMs < Date.parse(record.at) + 1000) continue
      throw wrapStoreError(error, { store, doing: `record ${what} ${key}`, signal })
    }
  }
}

/** A record lists its findings; a thousand tables that differ still fit. */
export const maxRecordBytes = 2 ** 24
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
  return (await readWritten(store, place, signal)).map(({ record }) => record)
}

/**
 * Which of the backups passed their newest verification at `content` or above, on the bytes and the manifest that are
 * there now. A record counts when its seal is not wrong; where the configuration tells how records are sealed, one
 * without a seal does not count either.
 */
export async function findVerified(
  store: ObjectStore,
  place: RecordPlace,
  manifests: readonly Manifest[],
  keys: SealKeys,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const byBackup = new Map<string, WrittenRecord[]>(manifests.map(({ id }) => [id, []]))
  for (const written of await readWritten(store, place, signal)) {
    const { id, level } = written.record
    if (level === 'content' || level === 'restored') byBackup.get(id)?.push(written)
  }
  const keyOf = rememberingKey()
  const verified = new Set<string>()
  for (const manifest of manifests) {
    for (const written of byBackup.get(manifest.id)!.reverse()) {
      if (!(await counts(written, place, keys, keyOf))) continue
      if (written.record.ok && speaksOf(written.record, manifest)) verified.add(manifest.id)
      break
    }
  }
  return verified
}

/** The records of a product in one store that count, oldest first, and how many others there are; see {@link findVerified}. */
export async function readCounted(
  store: ObjectStore,
  place: RecordPlace,
  keys: SealKeys,
  signal?: AbortSignal,
): Promise<{ readonly records: readonly ProofRecord[]; readonly refused: number }> {
  const { counted, refused } = await readSealed(store, place, keys, signal)
  return { records: counted.map(one => one.record), refused }
}

/** The same, each with its seal: who could open the backup. */
export async function readSealed(
  store: ObjectStore,
  place: RecordPlace,
  keys: SealKeys,
  signal?: AbortSignal,
): Promise<{ readonly counted: readonly SealedRecord[]; readonly refused: number }> {
  const keyOf = rememberingKey()
  const counted: SealedRecord[] = []
  const all = await readWritten(store, place, signal)
  for (const written of all)
    if (await counts(written, place, keys, keyOf))
      counted.push({ record: written.record, seal: sealSchema.nullable().default(null).parse(written.written.seal) })
  return { counted, refused: all.length - counted.length }
}

/** A record that counts, and who vouches for it. */
export interface SealedRecord {
  readonly record: ProofRecord
  readonly seal: Seal | null
}

/** A record as it was read. */
export interface WrittenRecord {
  readonly record: ProofRecord
  /** As it lies in the store: what a seal is over. */
  readonly written: Readonly<Record<string, unknown>>
}

/** Oldest first. */
async function readWritten(
  store: ObjectStore,
  place: RecordPlace,
  signal: AbortSignal | undefined,
): Promise<WrittenRecord[]> {
  const found: WrittenRecord[] = []
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
  return found.sort((a, b) => a.record.at.localeCompare(b.record.at))
}

async function readRecord(
  store: ObjectStore,
  key: string,
  place: RecordPlace,
  signal: AbortSignal | undefined,
): Promise<WrittenRecord | undefined> {
  try {
    const written = parseJson(await readWhole(store.get(key, { signal }), maxRecordBytes))
    if (typeof written !== 'object' || written === null) return undefined
    const { product, destination } = place
    const record = proofRecordSchema.safeParse({ product, destination, ...written }).data
    return record && { record, written: { ...written } }
  } catch (error) {
    // Whatever is that large is no record of ours.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Whether a record counts; see {@link findVerified}. */
export async function counts(
  { written }: Pick<WrittenRecord, 'written'>,
  place: RecordPlace,
  keys: SealKeys,
  keyOf: DeriveKey,
): Promise<boolean> {
  const parsed = sealSchema.nullable().default(null).safeParse(written.seal)
  if (!parsed.success) return false
  const seal = parsed.data
  if (seal === null) return keys.expected === undefined
  // Copied from elsewhere it says nothing about the bytes that lie here.
  if (written.product !== place.product || written.destination !== place.destination) return false
  // One salt for all records of a product: made-up ones must not cost a key derivation each.
  if (seal.kind === 'hmac' && seal.salt !== recordSalt(place.product).toString('hex')) return false
  return (await judgeSeal(sealedMessage(written), seal, keys, keyOf)) !== 'wrong'
}

/** Whether a record is of the bytes and the manifest that are there now. */
export function speaksOf(record: ProofRecord, manifest: Manifest): boolean {
  const { artifacts } = manifest
  const sameBytes = artifacts.every((artifact, index) => record.storedSha256[index] === artifact.storedSha256)
  return sameBytes && (record.manifestSha256 === undefined || record.manifestSha256 === hashManifest(manifest))
}

/** What the seal of a record is over. */
export function sealedMessage(record: object): Buffer {
  return Buffer.from(`lifeboat record 1\n${canonicalJson({ ...record, seal: null })}`)
}

/** One salt for all records of a product. */
export function recordSalt(product: string): Buffer {
  return createHash('sha256').update(`lifeboat record salt 1\n${product}`).digest().subarray(0, 16)
}

/** What JSON of a store says, within bounds; undefined when it is none. */
export function parseJson(bytes: Buffer): unknown {
  if (jsonExcess(bytes, maxRecordBytes) !== undefined) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // Not JSON: not a record.
    return undefined
  }
}
