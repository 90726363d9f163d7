import type { ObjectsPruneResult } from '../api/objects.js'
import type { StoredObject } from '../store/object-store.js'

/** Counts what a place keeps, and until when. */
export function tallyLocked() {
  let [count, storedBytes] = [0, 0]
  let until: Date | undefined
  let forGood = false
  return {
    /** Whether the object is kept by a lock, and so was counted. */
    took(found: StoredObject | undefined, sizeBytes: number): boolean {
      if (found?.retained === undefined) return false
      count += 1
      storedBytes += sizeBytes
      if (found.lockedUntil === undefined) forGood = true
      else if (until === undefined || found.lockedUntil > until) until = found.lockedUntil
      return true
    },
    told: (): ObjectsPruneResult['locked'] => ({
      ...{ count, storedBytes },
      until: forGood || until === undefined ? null : until.toISOString(),
    }),
  }
}
