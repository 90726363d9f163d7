import { z } from 'zod'
import type { VerificationReport } from '../lifeboat-api.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { isSound } from '../verify/finding.js'
import type { Manifest } from './manifest.js'

const recordSchema = z.object({
  id: z.string(),
  at: z.iso.datetime(),
  level: z.enum(['listed', 'stored', 'content', 'restored']),
  ok: z.boolean(),
  /** What was read: a record speaks of these bytes only. */
  storedSha256: z.array(z.string()),
})

/** One verification, write once: `<product>/verifications/<time>-<id>.json`. */
export async function writeVerification(
  store: ObjectStore,
  manifest: Manifest,
  report: VerificationReport,
  now: Date,
  signal?: AbortSignal,
): Promise<void> {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('.', '')
  const key = `${manifest.product}/verifications/${stamp}-${manifest.id}.json`
  const record = {
    id: manifest.id,
    at: now.toISOString(),
    level: report.level,
    ok: isSound(report.findings),
    storedSha256: manifest.artifacts.map(artifact => artifact.storedSha256),
    findings: report.findings,
    durationMs: report.durationMs,
  }
  try {
    await store.put(key, bytesOf(`${JSON.stringify(record, null, 2)}\n`), { ifAbsent: true, signal })
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `record the verification ${key}`, signal })
  }
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

/** Of each backup the newest verification at `content` or above: whether it passed, and on which bytes. */
export async function readVerifications(
  store: ObjectStore,
  product: string,
  signal?: AbortSignal,
): Promise<Map<string, { readonly ok: boolean; readonly storedSha256: readonly string[] }>> {
  const newest = new Map<string, { at: string; ok: boolean; storedSha256: string[] }>()
  try {
    const records = orderedParallel(store.list(`${product}/verifications/`, { signal }), readsInFlight, ({ key }) =>
      readRecord(store, key, signal),
    )
    for await (const parsed of records) {
      // An unreadable record proves nothing, and so counts for nothing.
      if (!parsed.success || (parsed.data.level !== 'content' && parsed.data.level !== 'restored')) continue
      const record = parsed.data
      const known = newest.get(record.id)
      if (known === undefined || known.at < record.at) newest.set(record.id, record)
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `read the verifications of ${product}`, signal })
  }
  return newest
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // Not JSON: not a record.
    return undefined
  }
}
