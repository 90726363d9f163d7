import { BackupError } from '../errors/backup-error.js'
import type { PutOptions } from './object-store.js'

/** What a store without classes and locks does with them: an object that only seems locked is worse than none. */
export function refuseRules({ storageClass, lock }: PutOptions, place: string): void {
  const asked = storageClass !== undefined ? 'storage classes' : lock !== undefined ? 'Object Lock' : undefined
  if (asked !== undefined) throw new BackupError('store-refused', `${place} has no ${asked}`)
}
