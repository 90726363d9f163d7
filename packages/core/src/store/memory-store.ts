import { BackupError, isBackupError } from '../errors/backup-error.js'
import { untilAborted } from '../streams/until-aborted.js'
import { assertKey } from './assert-key.js'
import { compareKeys } from './compare-keys.js'
import { memoryLocks } from './memory-locks.js'
import type { ObjectStore, PutLock, PutOptions, StoreCallOptions, StoredObject } from './object-store.js'
import { refuseRules } from './refuse-rules.js'
import { resolveRange } from './store-range.js'

/** How a {@link memoryStore} is made. */
export interface MemoryStoreOptions {
  /** The time of each write. Default: the system clock. */
  readonly now?: (() => Date) | undefined
  /** Whether `ifAbsent` is atomic; `false` plays a service that lacks it. Default: true. */
  readonly conditionalPut?: boolean | undefined
  /** Plays a place with Object Lock: what is locked is neither removed nor written over. Default: false. */
  readonly objectLock?: boolean | undefined
}

/**
 * An object store in memory, for tests and examples. It keeps whole objects, so it is not for databases.
 * Raw errors are {@link BackupError}s with the code that `classify` repeats.
 */
export function memoryStore(options: MemoryStoreOptions = {}): ObjectStore {
  const now = options.now ?? (() => new Date())
  const conditionalPut = options.conditionalPut ?? true
  const objects = new Map<string, { readonly body: Buffer; readonly stored: StoredObject }>()

  const locks = options.objectLock === true ? memoryLocks(now, key => objects.has(key)) : undefined

  let writes = 0

  const refuseExisting = (key: string) => {
    if (objects.has(key)) throw new BackupError('object-exists', `${key} exists`)
  }

  return {
    name: 'memory',
    location: 'memory',
    capabilities: {
      conditionalPut,
      metadata: true,
      storageClasses: false,
      objectLock: locks !== undefined,
      versioning: false,
    },
    listsInOrder: true,

    async put(key, source, options: PutOptions = {}) {
      const { ifAbsent = false, metadata, signal } = options
      assertKey(key)
      refuseRules(locks === undefined ? options : { ...options, lock: undefined }, 'memory')
      signal?.throwIfAborted()
      if (ifAbsent) refuseExisting(key)
      const chunks: Buffer[] = []
      for await (const chunk of untilAborted(source, signal)) chunks.push(Buffer.from(chunk))
      // Nothing is awaited between this check and the write, which makes the two one step.
      if (ifAbsent && conditionalPut) refuseExisting(key)
      locks?.refuse(key)
      const body = Buffer.concat(chunks)
      const etag = `"${++writes}"`
      const stored = { key, sizeBytes: body.length, modifiedAt: now(), etag, ...(metadata && { metadata }) }
      objects.set(key, { body, stored })
      locks?.set(key, options.lock)
      return stored
    },

    async *get(key, { range, ifMatch, onFound, signal } = {}) {
      assertKey(key)
      signal?.throwIfAborted()
      const found = objects.get(key)
      if (found === undefined) throw new BackupError('object-missing', `${key} does not exist`)
      if (ifMatch !== undefined && ifMatch !== found.stored.etag)
        throw new BackupError('object-changed', `${key} is another object by now`)
      onFound?.(found.stored)
      const { start, end } = resolveRange(key, found.body.length, range)
      const chunkBytes = 64 * 1024
      for (let at = start; at < end; at += chunkBytes) {
        signal?.throwIfAborted()
        yield Buffer.from(found.body.subarray(at, Math.min(at + chunkBytes, end)))
      }
    },

    async head(key, { signal }: StoreCallOptions = {}) {
      assertKey(key)
      signal?.throwIfAborted()
      const found = objects.get(key)?.stored
      return found && { ...found, ...locks?.told(key) }
    },

    async *list(prefix, { signal } = {}) {
      for (const key of [...objects.keys()].filter(one => one.startsWith(prefix)).sort(compareKeys)) {
        signal?.throwIfAborted()
        const found = objects.get(key)
        if (found !== undefined) yield found.stored
      }
    },

    async remove(key, { signal }: StoreCallOptions = {}) {
      assertKey(key)
      signal?.throwIfAborted()
      locks?.refuse(key)
      objects.delete(key)
    },
    ...(locks && {
      async removeForGood(key: string, { signal }: StoreCallOptions = {}) {
        assertKey(key)
        signal?.throwIfAborted()
        const { retained } = locks.told(key)
        if (retained !== undefined) return { state: 'kept', message: `${key} is ${retained}` } as const
        objects.delete(key)
        return { state: 'gone', message: null } as const
      },
      async extendLock(key: string, lock: PutLock, { signal }: StoreCallOptions = {}) {
        assertKey(key)
        signal?.throwIfAborted()
        locks.extend(key, lock)
      },
    }),

    classify: error => (isBackupError(error) ? error.code : undefined),
    async probe({ signal } = {}) {
      signal?.throwIfAborted()
    },
  }
}
