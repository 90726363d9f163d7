import { BackupError } from '../errors/backup-error.js'
import type { PutLock, StoredObject } from './object-store.js'

/** Object Lock, played in memory. */
export interface MemoryLocks {
  /** What a look at the object tells of its lock. */
  told(key: string): Pick<StoredObject, 'retained' | 'lockedUntil'>
  /** @throws BackupError `store-refused` while the object is locked */
  refuse(key: string): void
  /** Of a new object; undefined: none. */
  set(key: string, lock: PutLock | undefined): void
  /** @throws BackupError `object-missing` */
  extend(key: string, lock: PutLock): void
}

export function memoryLocks(now: () => Date, exists: (key: string) => boolean): MemoryLocks {
  const locks = new Map<string, { readonly until: Date | undefined; readonly legalHold: boolean }>()
  const told = (key: string) => {
    const lock = exists(key) ? locks.get(key) : undefined
    const until = lock?.until !== undefined && lock.until > now() ? lock.until : undefined
    if (lock?.legalHold) return { retained: 'under a legal hold' }
    return until === undefined ? {} : { lockedUntil: until, retained: `locked until ${until.toISOString()}` }
  }
  return {
    told,
    refuse(key) {
      const { retained } = told(key)
      if (retained !== undefined) throw new BackupError('store-refused', `${key} is ${retained}`)
    },
    set(key, lock) {
      if (lock === undefined) locks.delete(key)
      else locks.set(key, lock)
    },
    extend(key, { until, legalHold }) {
      if (!exists(key)) throw new BackupError('object-missing', `${key} does not exist`)
      const before = locks.get(key)
      const longer = before?.until === undefined || (until !== undefined && until > before.until) ? until : before.until
      locks.set(key, { until: longer ?? before?.until, legalHold: legalHold || (before?.legalHold ?? false) })
    },
  }
}
