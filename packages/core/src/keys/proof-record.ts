import { z } from 'zod'
import { parseJson, putOnce, type RecordPlace, recordSalt } from '../repository/verification-record.js'
import { canonicalJson } from '../seal/canonical-json.js'
import { judgeSeal, prepareToSeal, rememberingKey, type Sealer, type SealKeys, sealSchema } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { readWhole } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'

/** What lies under `<product>/key-proofs/`: one object per proof, written once. Holds no secret. See `docs/format.md`. */
export const keyProofSchema = z.object({
  kind: z.literal('key-proof'),
  product: z.string(),
  /** The backup that was opened, or the snapshot of `set`. */
  id: z.string(),
  set: z.string().optional(),
  destination: z.string(),
  at: z.iso.datetime(),
  backupCreatedAt: z.iso.datetime(),
  /** Of a snapshot its head's. */
  manifestSha256: z.string(),
  /** The fingerprint of the key; `null`: the passphrase. */
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{40,64}$/)
    .nullable(),
  userIds: z.array(z.string()),
  /** `front`: the session key was decrypted and the first bytes were read; `whole`: every byte, to the end. */
  extent: z.enum(['front', 'whole']),
  artifacts: z.array(
    z.object({ name: z.string(), storedSha256: z.string(), plainBytes: z.number().int().nonnegative() }),
  ),
})
export type KeyProofRecord = z.infer<typeof keyProofSchema>

/** Writes a proof, once. Returns the key of the object. */
export async function writeKeyProof(
  store: ObjectStore,
  record: KeyProofRecord,
  options: { readonly sealer: Sealer; readonly signal?: AbortSignal | undefined },
): Promise<string> {
  const { sealer, signal } = options
  const seal = sealer ? await prepareToSeal(sealer, recordSalt(record.product))(sealedMessage(record)) : null
  return putOnce(store, { ...record, seal }, { folder: 'key-proofs', what: 'the proof', signal })
}

/** What a proof is checked with. */
export interface ProofKeys {
  /** Of a key that can sign: the proof must be signed by that very key. */
  readonly own: SealKeys
  /** The fingerprints in `own`. */
  readonly signing: ReadonlySet<string>
  /** Of a key that can only encrypt: signed by whoever seals the product's manifests. */
  readonly others: SealKeys
}

/** A proof is a few hundred bytes. */
const maxProofBytes = 2 ** 20
const readsInFlight = 8

/** The proofs of a product in one store that count, oldest first: written for this place, by a holder of the key itself. */
export async function readKeyProofs(
  store: ObjectStore,
  place: RecordPlace,
  keys: ProofKeys,
  signal?: AbortSignal,
): Promise<KeyProofRecord[]> {
  const keyOf = rememberingKey()
  const found: KeyProofRecord[] = []
  try {
    const objects = store.list(`${place.product}/key-proofs/`, { signal })
    for await (const written of orderedParallel(objects, readsInFlight, ({ key }) => read(key))) {
      const record = keyProofSchema.safeParse(written).data
      if (record !== undefined && (await counts(record, written))) found.push(record)
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `read the key proofs of ${place.product}`, signal })
  }
  return found.sort((a, b) => a.at.localeCompare(b.at))

  async function read(key: string): Promise<object | undefined> {
    try {
      const parsed = parseJson(await readWhole(store.get(key, { signal }), maxProofBytes))
      return typeof parsed === 'object' && parsed !== null ? parsed : undefined
    } catch (error) {
      // Whatever is that large is no proof of ours.
      if (error instanceof RangeError) return undefined
      throw error
    }
  }

  async function counts(record: KeyProofRecord, written: object | undefined): Promise<boolean> {
    if (written === undefined || record.product !== place.product || record.destination !== place.destination)
      return false
    const parsed = sealSchema
      .nullable()
      .default(null)
      .safeParse('seal' in written ? written.seal : null)
    if (!parsed.success) return false
    const seal = parsed.data
    const { fingerprint } = record
    const own = fingerprint === null || keys.signing.has(fingerprint)
    const judges = own ? keys.own : keys.others
    if (seal === null) return judges.expected === undefined
    if (own && fingerprint !== null && (seal.kind !== 'signature' || seal.fingerprint !== fingerprint)) return false
    // One salt for all proofs of a product: made-up ones must not cost a key derivation each.
    if (seal.kind === 'hmac' && seal.salt !== recordSalt(place.product).toString('hex')) return false
    return (await judgeSeal(sealedMessage(written), seal, judges, keyOf)) !== 'wrong'
  }
}

function sealedMessage(record: object): Buffer {
  return Buffer.from(`lifeboat key proof 1\n${canonicalJson({ ...record, seal: null })}`)
}
