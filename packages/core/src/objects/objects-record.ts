import { z } from 'zod'
import type { ObjectsReport } from '../api/objects.js'
import { isBackupId } from '../repository/layout.js'
import {
  counts,
  maxRecordBytes,
  parseJson,
  putOnce,
  recordSalt,
  sealedMessage,
} from '../repository/verification-record.js'
import { type DeriveKey, prepareToSeal, type Sealer, type SealKeys } from '../seal/seal.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { readWhole } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { recordsFolder, recordsPrefix } from './object-layout.js'
import { hashSnapshot, type Snapshot, type SnapshotPlace } from './snapshot.js'

const count = z.number().int().nonnegative()

/** One verification of a snapshot, as `<product>/objects/<set>/verifications/<time>-<id>.json`. See `docs/format.md`. */
export const objectsRecordSchema = z.object({
  kind: z.literal('objects'),
  product: z.string(),
  set: z.string(),
  /** The snapshot. */
  id: z.string().refine(isBackupId, 'not the id of a snapshot'),
  destination: z.string(),
  /** When it ended. */
  at: z.iso.datetime(),
  durationMs: z.number().nonnegative(),
  level: z.enum(['listed', 'stored', 'content']),
  /** Which share of it was read; 1 is all of it. */
  sample: z.number().positive().max(1),
  ok: z.boolean(),
  /** SHA-256 of the head that was read: a record speaks of this snapshot only. */
  snapshotSha256: z.string(),
  findings: z.array(
    z.object({
      severity: z.enum(['critical', 'warning', 'info']),
      code: z.string(),
      message: z.string(),
      hint: z.string().nullable(),
    }),
  ),
  /** How many objects the snapshot holds, and how much of it was read. */
  objects: count,
  read: count,
  readBytes: count,
  /** Of the snapshot, so that a trend outlives it. */
  snapshotCreatedAt: z.iso.datetime(),
  plainBytes: count,
  storedBytes: count,
})

/** What a destination keeps of a verification of a snapshot. */
export type ObjectsRecord = z.output<typeof objectsRecordSchema>

/** What the store keeps of a verification. */
export function objectsRecordOf(report: ObjectsReport, sample: number, snapshot: Snapshot, now: Date): ObjectsRecord {
  const { product, set, id, destination, durationMs, level, ok, findings, objects, read, readBytes } = report
  return {
    ...{ kind: 'objects', product, set, id, destination, at: now.toISOString(), durationMs, level, ok },
    // Lengths are looked at of everything.
    sample: level === 'listed' ? 1 : sample,
    snapshotSha256: hashSnapshot(snapshot),
    findings: [...findings],
    ...{ objects, read, readBytes, snapshotCreatedAt: snapshot.createdAt },
    ...{ plainBytes: snapshot.plainBytes, storedBytes: snapshot.inventory.contentBytes },
  }
}

/** Whether a record says of this very head whether all of its content opens. */
export function isOfContent(record: ObjectsRecord, id: string, headSha256: string): boolean {
  return record.id === id && record.snapshotSha256 === headSha256 && record.level === 'content' && record.sample === 1
}

/** What a rotation says of the record that it writes: a share of a snapshot is read back, nobody asked how it is. */
export const rotationReadBack = 'rotation-read-back'

/** Whether a record is of a verification as a person or a schedule asks for it, or of no less. */
export function isVerification({ findings, level, sample }: ObjectsRecord): boolean {
  return (level === 'content' && sample === 1) || findings.every(({ code }) => code !== rotationReadBack)
}

/** Writes a record, sealed as those of backups are, never over another. Returns the key. */
export async function writeObjectsRecord(
  { store, product, set }: SnapshotPlace,
  record: ObjectsRecord,
  options: { readonly sealer?: Sealer; readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const { sealer, signal } = options
  const seal = sealer ? await prepareToSeal(sealer, recordSalt(product))(sealedMessage(record)) : null
  return putOnce(store, { ...record, seal }, { folder: recordsFolder(set), what: 'the verification', signal })
}

/** The record at a key; undefined: it is none. `refused`: it is, and was not written by a holder of the key. */
export async function readObjectsRecord(
  place: SnapshotPlace & { readonly destination: string },
  key: string,
  keys: () => Promise<SealKeys>,
  options: { readonly keyOf: DeriveKey; readonly signal: AbortSignal | undefined },
): Promise<ObjectsRecord | 'refused' | undefined> {
  const { store, product, set, destination } = place
  const { keyOf, signal } = options
  let written: unknown
  try {
    written = parseJson(await readWhole(store.get(key, { signal }), maxRecordBytes))
  } catch (error) {
    // Whatever is that large is no record of ours; one that is gone was pruned while it was listed.
    if (error instanceof RangeError || store.classify(error) === 'object-missing') return undefined
    throw error
  }
  if (typeof written !== 'object' || written === null) return undefined
  const record = objectsRecordSchema.safeParse(written).data
  if (record === undefined || record.set !== set) return undefined
  // Lengths and bytes are looked at without a key, so nobody can vouch for it; nor does it say that content opens.
  if (record.level !== 'content' && (written as { seal?: unknown }).seal === null && isOfPlace(record, place))
    return record
  return (await counts({ written: { ...written } }, { product, destination }, await keys(), keyOf)) ? record : 'refused'
}

function isOfPlace(record: ObjectsRecord, { product, destination }: { product: string; destination: string }): boolean {
  return record.product === product && record.destination === destination
}

const readsInFlight = 8

/** The records of a set in one store that count, newest first. */
export async function readObjectsRecords(
  place: SnapshotPlace & { readonly destination: string },
  keys: SealKeys,
  options: { readonly keyOf: DeriveKey; readonly since?: Date | undefined; readonly signal?: AbortSignal | undefined },
): Promise<ObjectsRecord[]> {
  const { store, product, set } = place
  const { keyOf, since, signal } = options
  const found: ObjectsRecord[] = []
  const read = (key: string) => readObjectsRecord(place, key, async () => keys, { keyOf, signal })
  try {
    for await (const record of orderedParallel(listRecords(place, signal), readsInFlight, ({ key }) => read(key)))
      if (record !== undefined && record !== 'refused' && (since === undefined || new Date(record.at) >= since))
        found.push(record)
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `read the verifications of ${product}/${set}`, signal })
  }
  return found.sort((a, b) => b.at.localeCompare(a.at))
}

/** When a record was written, as its key says; undefined: it is none. */
export function recordStamp(product: string, set: string, key: string): string | undefined {
  const prefix = recordsPrefix(product, set)
  const [, stamp, id] = recordName.exec(key.startsWith(prefix) ? key.slice(prefix.length) : '') ?? []
  return id !== undefined && isBackupId(id) ? stamp : undefined
}

/** Keys of one set's records, newest first. */
export function newestFirst<T extends { readonly key: string }>(records: readonly T[]): T[] {
  return records.toSorted((a, b) => (a.key < b.key ? 1 : -1))
}

const recordName = /^(\d{8}T\d{9}Z)-(.+)\.json$/

/** The keys of a set's records, each with the snapshot it is named after. */
export async function* listRecords(
  { store, product, set }: SnapshotPlace,
  signal: AbortSignal | undefined,
): AsyncGenerator<{
  readonly key: string
  readonly id: string
  readonly sizeBytes: number
  readonly modifiedAt: Date
}> {
  const prefix = recordsPrefix(product, set)
  for await (const { key, sizeBytes, modifiedAt } of store.list(prefix, { signal })) {
    const id = recordName.exec(key.slice(prefix.length))?.[2]
    if (id !== undefined && isBackupId(id)) yield { key, id, sizeBytes, modifiedAt }
  }
}
