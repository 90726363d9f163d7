import { type DrillRecord, type ProofRecord, proofRecordSchema } from '../repository/record-schema.js'
import { counts, type WrittenRecord } from '../repository/verification-record.js'
import type { SealKeys } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { readWhole } from '../streams/byte-source.js'
import type { ListedRecord } from './index-keys.js'
import type { NewestBackup } from './read-newest-backup.js'
import type { PlaceMemory } from './status-memory.js'

/** What the newest records of a product in one destination say. */
export interface NewestProofs {
  /** The newest verification of any backup, at any level. */
  readonly verification: ProofRecord | null
  readonly drill: DrillRecord | null
  /** What the newest record says of the newest backup, as it lies there now; null: it was not read back. */
  readonly ofNewest: ProofRecord | null
  /** How many of those that were looked at do not count: not by a holder of the key, or changed. */
  readonly refused: number
}

export interface ReadProofsJob {
  readonly product: string
  readonly destination: string
  readonly newest: NewestBackup | null
  /** Read late: most places hold the answer already. */
  readonly keys: () => Promise<SealKeys>
  readonly memory: PlaceMemory
  readonly signal: AbortSignal
}

/** As many are read in search of a drill; whoever verifies each hour and drills each month stays below. */
const mostRead = 1000
const readsInFlight = 8
const maxRecordBytes = 2 ** 24

/** What is kept of a record; of most of them nobody asks for more. */
interface Glimpse {
  readonly kind: 'verification' | 'drill'
  readonly id: string
  readonly whole: boolean
  /** Let go once it was judged, or was not wanted. */
  text: string | undefined
}

/**
 * Reads records backwards, until the newest verification, the newest drill and the newest word on the newest backup are
 * found.
 * @param listed newest first
 */
export async function readNewestProofs(
  store: ObjectStore,
  listed: readonly ListedRecord[],
  job: ReadProofsJob,
): Promise<NewestProofs> {
  const { newest, memory } = job
  const found = { verification: null as ProofRecord | null, drill: null as DrillRecord | null }
  let ofNewest: ProofRecord | null = null
  const refused = new Set<string>()
  const wantsWord = (stampMs: number) =>
    newest !== null && ofNewest === null && stampMs >= Date.parse(newest.createdAt) - 1000
  const wants = (seen: Glimpse, stampMs: number) =>
    found[seen.kind] === null || (seen.whole && seen.id === newest?.id && wantsWord(stampMs))
  for (let from = 0; from < Math.min(listed.length, mostRead); ) {
    const first = listed[from]!
    if (found.verification !== null && found.drill !== null && !wantsWord(first.stampMs)) break
    // The first alone often answers it all.
    const batch = listed.slice(from, from + (from === 0 ? 2 : readsInFlight))
    from += batch.length
    const glimpses = await Promise.all(
      batch.map(one => memory.remember(one, () => glimpse(store, one.key, job.signal), lasts)),
    )
    for (const [at, seen] of glimpses.entries()) {
      const { key, version, stampMs } = batch[at]!
      if (seen === null || seen === 'gone') continue
      const record = wants(seen, stampMs)
        ? await memory.remember({ key: `${key}\0judged`, version }, () => judge(store, key, seen, job), lasts)
        : null
      seen.text = undefined
      if (record === 'refused') refused.add(key)
      if (record === 'refused' || record === 'gone' || record === null) continue
      if (record.kind === 'drill') found.drill ??= record
      else found.verification ??= record
      if (newest !== null && isWhole(record) && speaks(record, newest)) ofNewest ??= record
    }
  }
  return { ...found, ofNewest, refused: refused.size }
}

/** What is listed and not there says nothing of the next time. */
function lasts(value: unknown): boolean {
  return value !== 'gone'
}

/** Null: it is no record. */
async function glimpse(store: ObjectStore, key: string, signal: AbortSignal): Promise<Glimpse | 'gone' | null> {
  try {
    const text = (await readWhole(store.get(key, { signal }), maxRecordBytes)).toString('utf8')
    const written: unknown = JSON.parse(text)
    if (typeof written !== 'object' || written === null) return null
    const { kind, id, level } = written as Record<string, unknown>
    if (typeof id !== 'string') return null
    const whole = level === 'content' || level === 'restored'
    return { kind: kind === 'drill' ? 'drill' : 'verification', id, whole, text }
  } catch (error) {
    if (store.classify(error) === 'object-missing') return 'gone'
    // What is not a record of ours counts for nothing.
    if (error instanceof SyntaxError || error instanceof RangeError) return null
    throw error
  }
}

/** Null: it is no record. */
async function judge(
  store: ObjectStore,
  key: string,
  seen: Glimpse,
  job: ReadProofsJob,
): Promise<ProofRecord | 'refused' | 'gone' | null> {
  const { product, destination, memory } = job
  const again = seen.text === undefined ? await glimpse(store, key, job.signal) : seen
  if (again === 'gone') return 'gone'
  const text = again?.text
  if (text === undefined) return null
  const written = JSON.parse(text) as WrittenRecord['written']
  const record = proofRecordSchema.safeParse({ product, destination, ...written }).data
  if (record === undefined) return null
  const keys = await job.keys()
  return (await counts({ written }, { product, destination }, keys, memory.keyOf)) ? record : 'refused'
}

function isWhole({ level }: ProofRecord): boolean {
  return level === 'content' || level === 'restored'
}

/** Whether the record is of this backup, as it lies there now. */
function speaks(record: ProofRecord, { id, storedSha256, manifestSha256 }: NewestBackup): boolean {
  const sameBytes = storedSha256.every((hash, at) => record.storedSha256[at] === hash)
  return (
    record.id === id && sameBytes && (record.manifestSha256 === undefined || record.manifestSha256 === manifestSha256)
  )
}
