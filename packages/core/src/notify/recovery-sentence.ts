import type { ProductStatus } from '../api/status.js'
import { spokenDuration } from '../report/quantities.js'

/**
 * What could be recovered now, held against the RPO: `the newest backup that can be restored is 31 h old; the RPO is
 * 24 h`. What was found not sound does not count.
 */
export function recoverySentence(status: ProductStatus | null, rpoMs: number | undefined, now: Date): string | null {
  if (status === null) return null
  const [newest] = status.destinations
    .filter(one => one.newest !== null && one.newest.verified !== false)
    .toSorted((a, b) => b.newest!.createdAt.localeCompare(a.newest!.createdAt))
  const objective = rpoMs === undefined ? '' : `the RPO is ${spokenDuration(rpoMs)}`
  if (newest === undefined) {
    const silent = status.destinations.some(({ reachable }) => !reachable)
    const what = silent
      ? 'no destination that answers holds a backup that can be restored'
      : 'no backup can be restored'
    return `${what}${objective && `; ${objective}`}`
  }
  const { createdAt, verified } = newest.newest!
  const ageMs = now.getTime() - Date.parse(createdAt)
  const proven = verified === true ? '' : ' (not verified yet)'
  const age = `the newest backup that can be restored is ${spokenDuration(ageMs)} old${proven}`
  if (rpoMs === undefined) return age
  return ageMs > rpoMs ? `${age}; ${objective}` : `${age}, within the RPO of ${spokenDuration(rpoMs)}`
}
