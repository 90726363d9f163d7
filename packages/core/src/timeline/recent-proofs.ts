import { z } from 'zod'
import type { ObjectStore } from '../store/object-store.js'
import { readWhole } from '../streams/byte-source.js'
import { eachOf, orderedParallel } from '../streams/ordered-parallel.js'

/** How many of the newest records are read: what is older does not change what the newest backups are worth. */
const recent = 40
const readsInFlight = 16
const maxRecordBytes = 2 ** 24

/** What is read of a record; those of older and newer versions have it. */
const proofSchema = z.object({
  id: z.string(),
  at: z.iso.datetime(),
  level: z.string(),
  ok: z.boolean(),
  /** Of a drill. */
  objectives: z.object({ recoveryMs: z.number() }).optional().catch(undefined),
})

export interface RecentProofs {
  /** Of each backup what its newest record passed at. */
  readonly levels: ReadonlyMap<string, 'content' | 'restored'>
  /** Drills that passed, oldest first. */
  readonly drills: readonly { readonly id: string; readonly at: Date; readonly recoveryMs: number }[]
}

/** Reads the newest of the verification and drill records that have these keys. */
export async function readRecentProofs(
  store: ObjectStore,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RecentProofs> {
  // Keys begin with the time.
  const newest = [...keys].sort().slice(-recent)
  const levels = new Map<string, 'content' | 'restored'>()
  const drills: RecentProofs['drills'][number][] = []
  const records = orderedParallel(eachOf(newest), readsInFlight, key => readProof(store, key, signal))
  for await (const proof of records) {
    // What cannot be read proves nothing.
    if (proof === undefined || (proof.level !== 'content' && proof.level !== 'restored')) continue
    if (proof.ok) levels.set(proof.id, proof.level)
    else levels.delete(proof.id)
    if (proof.ok && proof.objectives !== undefined)
      drills.push({ id: proof.id, at: new Date(proof.at), recoveryMs: proof.objectives.recoveryMs })
  }
  return { levels, drills }
}

async function readProof(store: ObjectStore, key: string, signal: AbortSignal | undefined) {
  try {
    const text = (await readWhole(store.get(key, { signal }), maxRecordBytes)).toString('utf8')
    return proofSchema.safeParse(JSON.parse(text)).data
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError || store.classify(error) === 'object-missing')
      return undefined
    throw error
  }
}
