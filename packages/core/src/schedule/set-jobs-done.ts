import type { RunOptions } from '../api/run-options.js'
import type { ObjectJob } from '../config/jobs.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { readRecordKeys } from '../encryption/record-keys.js'
import { isVerification, readObjectsRecords } from '../objects/objects-record.js'
import { readNewestSnapshot } from '../objects/snapshot.js'
import type { OpenContext } from '../operations/open-context.js'
import { rememberingKey } from '../seal/seal.js'
import { clockToleranceMs } from '../status/read-newest-backup.js'

interface OfSet {
  readonly does: ObjectJob
  readonly set: string
}

/** Until when a job of a set is done, by what the destinations hold; see `ScheduleOperations.lastDone`. */
export async function lastDoneOfSet(
  context: OpenContext,
  product: string,
  { does, set }: OfSet,
  run: RunOptions,
): Promise<Date | undefined> {
  const times = await timesDone(context, product, { does, set }, run)
  const known = times.flatMap(at => (at === undefined ? [] : [at.getTime()]))
  if (known.length === 0) return undefined
  // A copy anywhere is one; what a destination missed is made up for by the next. Each must be verified.
  if (does === 'copy') return new Date(Math.max(...known))
  return known.length < times.length ? undefined : new Date(Math.min(...known))
}

/** Whether a job of a set that was due then is done in every destination. */
export async function isSetDone(
  context: OpenContext,
  product: string,
  of: OfSet,
  dueAt: Date,
  run: RunOptions,
): Promise<boolean> {
  const times = await timesDone(context, product, of, run)
  return times.length > 0 && times.every(at => at !== undefined && at >= dueAt)
}

/** When it was done last, for each destination of the set; nothing tells of a prune. */
async function timesDone(
  context: OpenContext,
  product: string,
  { does, set }: OfSet,
  run: RunOptions,
): Promise<(Date | undefined)[]> {
  const config = context.productOf(product)
  const { destinations: named } = config.objects?.[set] ?? {}
  // Made while a clock was wrong, it must not stand for all that is due until then.
  const latest = new Date(context.deps.now().getTime() + clockToleranceMs)
  const times: (Date | undefined)[] = []
  for (const [destination, { store }] of does === 'prune' ? [] : context.destinationsFor(product, run)) {
    if (!(named?.includes(destination) ?? true)) continue
    const place = { store, product, set, destination }
    if (does === 'copy') {
      const snapshot = await readNewestSnapshot(place, run.signal, latest)
      times.push(snapshot && new Date(snapshot.createdAt))
      continue
    }
    const keys = await readRecordKeys(encryptionAt(config, destination), context.keys, context.folder)
    const records = await readObjectsRecords(place, keys, { keyOf: rememberingKey(), signal: run.signal })
    const newest = records.find(one => isVerification(one) && new Date(one.at) <= latest)
    times.push(newest && new Date(newest.at))
  }
  return times
}
