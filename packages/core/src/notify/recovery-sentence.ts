import type { DestinationStatus, ProductStatus } from '../api/status.js'
import { spokenDuration } from '../report/quantities.js'
import { jobOf } from './jobs-of-findings.js'

/**
 * What could be recovered now, held against the RPO: `the newest backup that can be restored is 31 h old; the RPO is
 * 24 h`. What was found not sound does not count.
 */
export function recoverySentence(status: ProductStatus | null, rpoMs: number | undefined, now: Date): string | null {
  if (status === null) return null
  const [newest] = status.destinations
    .filter(one => one.newest !== null && !isUnsound(one, status))
    .toSorted((a, b) => b.newest!.createdAt.localeCompare(a.newest!.createdAt))
  const objective = rpoMs === undefined ? '' : `the RPO is ${spokenDuration(rpoMs)}`
  if (newest === undefined) {
    const silent = status.destinations.some(({ reachable }) => !reachable)
    const what = silent
      ? 'no destination that answers holds a backup that can be restored'
      : 'no backup can be restored'
    return `${what}${objective && `; ${objective}`}`
  }
  const { id, createdAt } = newest.newest!
  const ageMs = now.getTime() - Date.parse(createdAt)
  const { lastVerification: proof } = status
  const proven = proof !== null && proof.id === id && proof.ok
  const age = `the newest backup that can be restored is ${spokenDuration(ageMs)} old${proven ? '' : ' (not verified yet)'}`
  if (rpoMs === undefined) return age
  return ageMs > rpoMs ? `${age}; ${objective}` : `${age}, within the RPO of ${spokenDuration(rpoMs)}`
}

/** Whether a verification found that the newest backup of a destination cannot be restored. */
function isUnsound({ destination, newest }: DestinationStatus, { lastVerification, findings }: ProductStatus): boolean {
  const proof = lastVerification
  if (proof !== null && !proof.ok && proof.id === newest?.id && proof.destination === destination) return true
  return findings.some(
    finding => finding.severity === 'critical' && finding.subject === destination && jobOf(finding) === 'verify',
  )
}
