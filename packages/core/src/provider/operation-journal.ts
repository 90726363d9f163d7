import { z } from 'zod'
import { BackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import type { RecoveryPlan } from './backup-provider.js'

const maxBytes = 256 * 1024
const details = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))

const planSchema: z.ZodType<RecoveryPlan> = z.object({
  provider: z.string(),
  id: z.string(),
  kind: z.enum(['instant', 'backup', 'restore-point']),
  to: z.string(),
  place: z.enum(['in-place', 'new-instance']),
  target: z.string(),
  confirmation: z.string(),
  cost: z.string().nullable(),
  warnings: z.array(z.string()),
  details,
})

/** Until when the process that wrote it counts as alive, where that matters to others. */
const aliveUntil = z.iso.datetime().optional()

const recordSchema = z.discriminatedUnion('phase', [
  /** Sent, or about to be: whether the provider heard it is not known. */
  z.object({ phase: z.literal('beginning'), plan: planSchema, at: z.iso.datetime(), aliveUntil }),
  z.object({
    phase: z.literal('running'),
    operation: z.object({ plan: planSchema, begunAt: z.iso.datetime(), details }),
    aliveUntil,
  }),
])

/** What is written down of the one recovery of a product that is under way. */
export type JournalRecord = z.output<typeof recordSchema>

/** The memory of a recovery outside the process that began it. */
export interface OperationJournal {
  /** For people. */
  readonly location: string
  read(signal?: AbortSignal): Promise<JournalRecord | undefined>
  /** Writes the first record. @throws BackupError `locked` when there is one */
  open(record: JournalRecord, signal?: AbortSignal): Promise<void>
  update(record: JournalRecord, signal?: AbortSignal): Promise<void>
  close(signal?: AbortSignal): Promise<void>
}

/** The key of a product's journal; like a lock it is no part of any backup. */
export function journalKey(product: string, purpose: JournalPurpose = 'recovery'): string {
  return `${product}/operations/${purpose}.json`
}

/** A recovery that is meant, or one that is only rehearsed and whose instance is removed again. */
export type JournalPurpose = 'recovery' | 'rehearsal'

/** A journal in a store. Where the store's `ifAbsent` is atomic, one recovery of a product excludes every other. */
export function storeJournal(
  store: ObjectStore,
  product: string,
  purpose: JournalPurpose = 'recovery',
): OperationJournal {
  const key = journalKey(product, purpose)
  const location = `${key} at ${store.location}`
  const guarded = async <T>(doing: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw wrapStoreError(error, { store, doing, signal })
    }
  }
  const bytes = (record: JournalRecord) => bytesOf(`${JSON.stringify(record, null, 2)}\n`)

  return {
    location,
    read: signal =>
      guarded(`read ${key}`, signal, async () => {
        let text: string
        try {
          text = (await readWhole(store.get(key, { signal }), maxBytes)).toString('utf8')
        } catch (error) {
          if (store.classify(error) === 'object-missing') return undefined
          throw error
        }
        try {
          return recordSchema.parse(JSON.parse(text))
        } catch (error) {
          throw new BackupError('recovery-uncertain', `${location} cannot be read`, {
            cause: error,
            hint: 'see at the provider whether a recovery runs, then `lifeboat pitr forget` removes the note',
          })
        }
      }),
    open: (record, signal) =>
      guarded(`write ${key}`, signal, async () => {
        try {
          await store.put(key, bytes(record), { ifAbsent: true, signal })
        } catch (error) {
          if (store.classify(error) !== 'object-exists') throw error
          throw new BackupError('locked', `another recovery of ${product} is under way (${location})`, {
            hint: '`lifeboat pitr restore PRODUCT --resume` follows it to its end',
          })
        }
      }),
    update: (record, signal) =>
      guarded(`write ${key}`, signal, async () => {
        await store.put(key, bytes(record), { signal })
      }),
    close: signal => guarded(`remove ${key}`, signal, () => store.remove(key, { signal })),
  }
}
