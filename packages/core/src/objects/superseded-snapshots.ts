import { pairRotated } from '../retention/superseded.js'
import { hashSnapshot, type Snapshot } from './snapshot.js'

/**
 * Which snapshots were encrypted anew, and as what: the new one says so under its seal, is of the very head that lies here,
 * and has all that it needs. The pair is one snapshot: counted twice it would push out half of what the rules keep.
 */
export function findSupersededSnapshots(
  snapshots: readonly Snapshot[],
  verified: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  return pairRotated(snapshots, verified, (old, anew) => hashSnapshot(old) === anew.rotatedFrom?.headSha256)
}
