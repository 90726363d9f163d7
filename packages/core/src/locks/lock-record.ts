import { z } from 'zod'
import type { ObjectStore } from '../store/object-store.js'
import { readWhole } from '../streams/byte-source.js'

/** The longest lock record that is read. */
const maxBytes = 64 * 1024

const schema = z.looseObject({
  /** Unique to one acquisition. It becomes part of a key, so a hostile one must not say where. */
  token: z.string().regex(/^[a-z0-9]{1,64}$/),
  purpose: z.string(),
  /** Who holds it, for people: `user@host, process 4711`. */
  holder: z.string(),
  acquiredAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
})

/** What lies in the store while an operation holds a lock. */
export type LockRecord = z.output<typeof schema>

/**
 * What a lock guards: a product's backups (`backup` and `prune` exclude each other and themselves), its alerts, or the
 * copies of one of its sets of objects.
 */
export type LockName = 'change' | 'alerts' | `objects-${string}`

export function lockKey(product: string, name: LockName = 'change'): string {
  return `${product}/locks/${name}.json`
}

/** Names of {@link LockName}, and of the claim of `store-lock.ts` to one that has expired. */
const fileName = /^(change|alerts|objects-[a-z0-9-]+)(\.[a-z0-9]{1,64}-\d+)?\.json$/

/** Whether a key is one of {@link lockKey} or of a claim to an expired one; anything else beside them is foreign. */
export function isLockKey(key: string): boolean {
  const [, folder, name, more] = key.split('/')
  return folder === 'locks' && name !== undefined && more === undefined && fileName.test(name)
}

/**
 * Reads a lock; undefined when there is none. One that cannot be read counts as expired: whoever wrote it did not
 * finish, or is not one of ours.
 */
export async function readLockRecord(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<LockRecord | undefined> {
  let bytes: Buffer
  try {
    bytes = await readWhole(store.get(key, { signal }), maxBytes)
  } catch (error) {
    if (store.classify(error) === 'object-missing') return undefined
    if (error instanceof RangeError) return unreadable
    throw error
  }
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')))
  } catch {
    return unreadable
  }
}

const unreadable: LockRecord = {
  token: 'unreadable',
  purpose: 'unknown',
  holder: 'unknown',
  acquiredAt: '1970-01-01T00:00:00.000Z',
  expiresAt: '1970-01-01T00:00:00.000Z',
}
