import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { RunOptions } from '../api/run-options.js'
import { BackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import { jsonExcess } from '../repository/json-excess.js'
import { isBackupId, isProductName } from '../repository/layout.js'
import { canonicalJson } from '../seal/canonical-json.js'
import { judgeSeal, prepareToSeal, type Sealer, type SealKeys, type SealVerdict, sealSchema } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { readWhole } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { snapshotKey, snapshotsPrefix } from './object-layout.js'

/** The format that this version writes; readers refuse another one. */
export const snapshotFormat = 'lifeboat-objects/1'

/** Keeps members it does not know, which a seal covers too; the type speaks of the known ones only. */
const object = z.looseObject as typeof z.object

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.number().int().nonnegative()
const storedFile = object({ storedBytes: count, storedSha256: hash })

/** To whom something is encrypted. */
export const encryptionSchema = z.discriminatedUnion('kind', [
  object({ kind: z.literal('passphrase') }),
  object({ kind: z.literal('recipients'), fingerprints: z.array(z.string().regex(/^[0-9a-f]{40,64}$/)).min(1) }),
])

export const snapshotSchema = object({
  format: z.string(),
  id: z.string().refine(isBackupId, 'not the id of a snapshot'),
  product: z.string().refine(isProductName, 'not the name of a product'),
  set: z.string().refine(isProductName, 'not the name of a set'),
  /** When its listing began. */
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  tool: object({ name: z.string(), version: z.string() }),
  /** What was copied, for people: `s3://bucket/prefix`. */
  source: z.string(),
  prefix: z.string(),
  /** The snapshot that this one was compared with. */
  previous: z.string().nullable(),
  objects: count,
  plainBytes: count,
  /** How many objects could not be read: those that an earlier run had are in it as they were then, others are not. */
  missed: count,
  /** What its run stored. */
  added: object({ objects: count, plainBytes: count, storedBytes: count }),
  listing: storedFile,
  /** The content that it needs, and all of that together. */
  inventory: object({ storedBytes: count, storedSha256: hash, contents: count, contentBytes: count }),
  encryption: encryptionSchema,
  /** Content of earlier runs that is encrypted to other keys than `encryption` says; absent where there is none. */
  olderContent: z
    .array(object({ encryption: encryptionSchema, runs: z.array(z.string().refine(isBackupId)).min(1) }))
    .optional(),
  /** The snapshot that this one is, encrypted anew. */
  rotatedFrom: object({ id: z.string().refine(isBackupId), headSha256: hash, at: z.iso.datetime() }).optional(),
  /** Proof of authorship over everything else; `null`: nobody vouches. */
  seal: sealSchema.nullable(),
})

/** The head of a snapshot: what is known without a key. */
export type Snapshot = z.infer<typeof snapshotSchema>

export async function sealSnapshot(snapshot: Snapshot, sealer: Sealer): Promise<Snapshot> {
  return { ...snapshot, seal: sealer === undefined ? null : await prepareToSeal(sealer)(sealedMessage(snapshot)) }
}

export function checkSnapshotSeal(snapshot: Snapshot, keys: SealKeys): Promise<SealVerdict> {
  return judgeSeal(sealedMessage(snapshot), snapshot.seal, keys)
}

/** SHA-256 of a head as canonical JSON, its seal included; lower-case hex. */
export function hashSnapshot(snapshot: Snapshot): string {
  return createHash('sha256').update(canonicalJson(snapshot)).digest('hex')
}

function sealedMessage(snapshot: Snapshot): Buffer {
  return Buffer.from(`lifeboat objects 1\n${canonicalJson({ ...snapshot, seal: null })}`)
}

/** A head is some kilobytes, whatever it is the head of. */
const maxBytes = 1024 * 1024
const readsInFlight = 8

export interface SnapshotPlace {
  readonly store: ObjectStore
  readonly product: string
  readonly set: string
}

/** Every snapshot of a set in one store, newest first, and every head that could not be read. */
export async function readSnapshots(
  place: SnapshotPlace,
  signal: AbortSignal | undefined,
): Promise<{ readonly snapshots: Snapshot[]; readonly unreadable: { key: string; message: string }[] }> {
  const { store, product, set } = place
  const readOne = (id: string) => readSnapshot(place, id, signal)
  const snapshots: Snapshot[] = []
  const unreadable: { key: string; message: string }[] = []
  try {
    for await (const read of orderedParallel(listIds(place, signal), readsInFlight, readOne)) {
      if (read === undefined) continue
      if ('format' in read) snapshots.push(read)
      else unreadable.push(read)
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${snapshotsPrefix(product, set)}`, signal })
  }
  snapshots.sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id))
  return { snapshots, unreadable }
}

async function* listIds({ store, product, set }: SnapshotPlace, signal: AbortSignal | undefined) {
  const prefix = snapshotsPrefix(product, set)
  for await (const { key } of store.list(prefix, { signal })) {
    const id = key.slice(prefix.length, -'.json'.length)
    if (key.endsWith('.json') && isBackupId(id)) yield id
  }
}

/**
 * The snapshot with the greatest id, which begins with the second it was begun at, whose head can be read. Reads one, where
 * nothing is damaged: that is what a verification tells of.
 * @param latest one that says it was begun later is passed over: a clock was wrong
 */
export async function readNewestSnapshot(
  place: SnapshotPlace,
  signal: AbortSignal | undefined,
  latest?: Date,
): Promise<Snapshot | undefined> {
  const { store, product, set } = place
  try {
    const ids: string[] = []
    for await (const id of listIds(place, signal)) ids.push(id)
    for (const id of ids.sort().reverse()) {
      const read = await readSnapshot(place, id, signal)
      if (read === undefined || !('format' in read)) continue
      if (latest === undefined || new Date(read.createdAt) <= latest) return read
    }
    return undefined
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${snapshotsPrefix(product, set)}`, signal })
  }
}

/** One head; why it cannot be read; undefined: it is not there. */
export async function readSnapshot(
  { store, product, set }: SnapshotPlace,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Snapshot | { readonly key: string; readonly message: string } | undefined> {
  const key = snapshotKey(product, set, id)
  let bytes: Buffer
  try {
    bytes = await readWhole(store.get(key, { signal }), maxBytes)
  } catch (error) {
    // Pruned while it was listed.
    if (store.classify(error) === 'object-missing') return undefined
    if (error instanceof RangeError) return { key, message: 'it is too large' }
    throw error
  }
  const read = parseSnapshot(bytes)
  if (typeof read === 'string') return { key, message: read }
  if (read.product !== product || read.set !== set || read.id !== id)
    return { key, message: `it is the head of ${read.product}/${read.set}/${read.id}` }
  return read
}

/** A snapshot, or why these bytes are none. */
function parseSnapshot(bytes: Buffer): Snapshot | string {
  const excess = jsonExcess(bytes, maxBytes)
  if (excess !== undefined) return excess
  let parsed: unknown
  try {
    parsed = JSON.parse(bytes.toString('utf8'))
  } catch {
    return 'it is not JSON'
  }
  const result = snapshotSchema.safeParse(parsed)
  if (!result.success) {
    const issue = result.error.issues[0]
    return `${issue?.path.join('.')}: ${issue?.message}`
  }
  if (result.data.format !== snapshotFormat)
    return `its format is ${result.data.format}, this version reads ${snapshotFormat}`
  return result.data
}

/** The snapshot that is meant: by its id, or the newest. A head that might be it, and cannot be read, is told. */
export async function findSnapshot(
  place: SnapshotPlace & { readonly destination: string },
  id: string | undefined,
  { signal, onEvent }: RunOptions,
): Promise<Snapshot | undefined> {
  const { snapshots, unreadable } = await readSnapshots(place, signal)
  const [newest] = snapshots
  const latest = id === undefined || id === 'latest'
  const found = latest ? newest : snapshots.find(one => one.id === id)
  const { product, set, destination } = place
  for (const { key, message } of unreadable) {
    const isMeant = latest
      ? newest === undefined || key > snapshotKey(product, set, newest.id)
      : key === snapshotKey(product, set, id)
    if (!isMeant) continue
    emitterFor(onEvent)({ type: 'warning.raised', message: `${destination}: ${key} was passed over: ${message}` })
  }
  return found
}

export function snapshotMissing(product: string, set: string, id: string | undefined): BackupError {
  const what =
    id === undefined || id === 'latest' ? `no snapshot of ${product}/${set}` : `no snapshot ${id} of ${product}/${set}`
  return new BackupError('backup-missing', what, { hint: `see: lifeboat objects list ${product} ${set}` })
}
