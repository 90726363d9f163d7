import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { VerificationReport } from '../lifeboat-api.js'
import { canonicalJson } from '../seal/canonical-json.js'
import {
  type DeriveKey,
  judgeSeal,
  prepareToSeal,
  rememberingKey,
  type Sealer,
  type SealKeys,
  sealSchema,
} from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { isSound } from '../verify/finding.js'
import { jsonExcess } from './json-excess.js'
import type { Manifest } from './manifest.js'

const recordSchema = z.looseObject({
  id: z.string(),
  /** Absent in records from before they were sealed. */
  product: z.string().optional(),
  destination: z.string().optional(),
  at: z.iso.datetime(),
  level: z.enum(['listed', 'stored', 'content', 'restored']),
  ok: z.boolean(),
  /** What was read: a record speaks of these bytes only. */
  storedSha256: z.array(z.string()),
  /** And of this manifest only: another time in it would change which backups retention keeps. */
  manifestSha256: z.string().optional(),
  seal: sealSchema.nullable().default(null),
})
type VerificationRecord = z.infer<typeof recordSchema>

/** One verification, write once: `<product>/verifications/<time>-<id>.json`. */
export async function writeVerification(
  store: ObjectStore,
  work: {
    readonly manifest: Manifest
    readonly destination: string
    readonly report: VerificationReport
    readonly now: Date
    readonly sealer: Sealer
  },
  signal?: AbortSignal,
): Promise<void> {
  const { manifest, destination, report, now, sealer } = work
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('.', '')
  const key = `${manifest.product}/verifications/${stamp}-${manifest.id}.json`
  const record = {
    id: manifest.id,
    product: manifest.product,
    destination,
    at: now.toISOString(),
    level: report.level,
    ok: isSound(report.findings),
    storedSha256: manifest.artifacts.map(artifact => artifact.storedSha256),
    manifestSha256: hashOf(manifest),
    findings: report.findings,
    durationMs: report.durationMs,
  }
  const seal = sealer ? await prepareToSeal(sealer, recordSalt(manifest.product))(sealedMessage(record)) : null
  try {
    await store.put(key, bytesOf(`${JSON.stringify({ ...record, seal }, null, 2)}\n`), { ifAbsent: true, signal })
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `record the verification ${key}`, signal })
  }
}

/**
 * Which of the backups passed their newest verification at `content` or above, on the bytes and the manifest that are
 * there now. A record counts when its seal is not wrong; where the configuration tells how records are sealed, one
 * without a seal does not count either.
 */
export async function findVerified(
  store: ObjectStore,
  place: { readonly product: string; readonly destination: string },
  manifests: readonly Manifest[],
  keys: SealKeys,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { product, destination } = place
  const byBackup = new Map<string, VerificationRecord[]>(manifests.map(({ id }) => [id, []]))
  try {
    const records = orderedParallel(store.list(`${product}/verifications/`, { signal }), readsInFlight, ({ key }) =>
      readRecord(store, key, signal),
    )
    for await (const parsed of records) {
      // An unreadable record proves nothing, and so counts for nothing.
      if (!parsed.success || (parsed.data.level !== 'content' && parsed.data.level !== 'restored')) continue
      byBackup.get(parsed.data.id)?.push(parsed.data)
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `read the verifications of ${product}`, signal })
  }
  const keyOf = rememberingKey()
  const verified = new Set<string>()
  for (const manifest of manifests) {
    const newestFirst = byBackup.get(manifest.id)!.sort((a, b) => (a.at < b.at ? 1 : -1))
    for (const record of newestFirst) {
      if (!(await counts(record, { product, destination }, keys, keyOf))) continue
      if (record.ok && speaksOf(record, manifest)) verified.add(manifest.id)
      break
    }
  }
  return verified
}

/** A record lists its findings; a thousand tables that differ still fit. */
const maxRecordBytes = 2 ** 24
const readsInFlight = 8

async function readRecord(store: ObjectStore, key: string, signal: AbortSignal | undefined) {
  try {
    return recordSchema.safeParse(parseJson(await readWhole(store.get(key, { signal }), maxRecordBytes)))
  } catch (error) {
    // Whatever is that large is no record of ours.
    if (error instanceof RangeError) return recordSchema.safeParse(undefined)
    throw error
  }
}

async function counts(
  record: VerificationRecord,
  place: { readonly product: string; readonly destination: string },
  keys: SealKeys,
  keyOf: DeriveKey,
): Promise<boolean> {
  const { seal } = record
  if (seal === null) return keys.expected === undefined
  // Copied from elsewhere it says nothing about the bytes that lie here.
  if (record.product !== place.product || record.destination !== place.destination) return false
  // One salt for all records of a product: made-up ones must not cost a key derivation each.
  if (seal.kind === 'hmac' && seal.salt !== recordSalt(place.product).toString('hex')) return false
  return (await judgeSeal(sealedMessage(record), seal, keys, keyOf)) !== 'wrong'
}

function speaksOf(record: VerificationRecord, manifest: Manifest): boolean {
  const { artifacts } = manifest
  const sameBytes = artifacts.every((artifact, index) => record.storedSha256[index] === artifact.storedSha256)
  return sameBytes && (record.manifestSha256 === undefined || record.manifestSha256 === hashOf(manifest))
}

function hashOf(manifest: Manifest): string {
  return createHash('sha256').update(canonicalJson(manifest)).digest('hex')
}

function sealedMessage(record: object): Buffer {
  return Buffer.from(`lifeboat record 1\n${canonicalJson({ ...record, seal: null })}`)
}

function recordSalt(product: string): Buffer {
  return createHash('sha256').update(`lifeboat record salt 1\n${product}`).digest().subarray(0, 16)
}

function parseJson(bytes: Buffer): unknown {
  if (jsonExcess(bytes, maxRecordBytes) !== undefined) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // Not JSON: not a record.
    return undefined
  }
}
