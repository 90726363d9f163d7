import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { ObjectStore } from '../store/object-store.js'
import { overlayStore } from '../store/overlay-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { fullCopy } from './assert-source.js'
import type { CopyJob } from './copy-job.js'
import { contentKey, contentPrefix, setPrefix } from './object-layout.js'
import { lockOfContent, lockOfFile, type ObjectLockRule, planExtension, recordOf } from './plan-lock.js'
import type { StoredContent } from './snapshot-files.js'

const locksAtOnce = 8

/**
 * The store, where everything that a snapshot of a set needs is locked as it is written. Whatever else is written for a set
 * stays free, as it is removed again.
 */
export function lockingCopies(
  store: ObjectStore,
  rule: ObjectLockRule | undefined,
  { product, set, now }: { readonly product: string; readonly set: string; readonly now: () => Date },
): ObjectStore {
  if (rule === undefined) return store
  const content = contentPrefix(product, set)
  const files = ['listings', 'inventories', 'snapshots'].map(folder => `${setPrefix(product, set)}${folder}/`)
  const lockOf = (key: string) => {
    if (key.startsWith(content)) return lockOfContent(rule, now())
    return files.some(folder => key.startsWith(folder)) ? lockOfFile(rule, now()) : undefined
  }
  return overlayStore(store, {
    put(key, source, options) {
      const lock = lockOf(key)
      return store.put(key, source, lock === undefined ? options : { ...options, lock })
    },
  })
}

/**
 * The content that a snapshot needs, in its order, each locked for as long as the snapshot is. What comes from snapshots
 * before is locked anew where its lock would end too soon, and so is what a long run stored at its beginning.
 * @throws BackupError what the store says, and `object-missing` where content that is needed is gone
 */
export async function* keepLocked(
  job: Pick<CopyJob, 'store' | 'product' | 'set' | 'objectLock' | 'now'>,
  contents: AsyncIterable<StoredContent>,
  { run, startedAt, signal }: { readonly run: string; readonly startedAt: Date; readonly signal: AbortSignal },
): AsyncGenerator<StoredContent> {
  const { store, product, set, objectLock: rule } = job
  if (rule === undefined) return yield* contents
  // Whatever this run stored it stored later than that.
  const own = recordOf(lockOfContent(rule, startedAt))
  const lockOne = async (found: StoredContent): Promise<StoredContent> => {
    throwIfCancelled(signal)
    const content = found.run === run ? { ...found, ...own } : found
    const extension = planExtension(rule, content, job.now())
    if (extension === undefined) return content
    const key = contentKey(product, set, content.run, content.number)
    try {
      if (store.extendLock === undefined) throw cannot(store)
      await store.extendLock(key, extension, { signal })
    } catch (error) {
      const wrapped = wrapStoreError(error, { store, doing: `lock ${key}`, signal })
      if (wrapped.code !== 'object-missing') throw wrapped
      throw new BackupError(wrapped.code, wrapped.message, {
        cause: error,
        hint: `a snapshot needs it, and it is gone: copy everything anew with \`${fullCopy({ product, set })}\``,
      })
    }
    return { ...content, ...recordOf(extension, content) }
  }
  yield* orderedParallel(contents, locksAtOnce, lockOne)
}

function cannot(store: ObjectStore): BackupError {
  return new BackupError('store-refused', `${store.location} cannot lock anew what is there already`, {
    hint: 'leave objectLock out for this set, or name other destinations for it',
  })
}
