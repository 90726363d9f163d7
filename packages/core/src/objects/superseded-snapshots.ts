import { hashSnapshot, type Snapshot } from './snapshot.js'

/**
 * Which snapshots were encrypted anew, and as what: the new one says so under its seal, is of the very head that lies here,
 * and has all that it needs. The pair is one snapshot: counted twice it would push out half of what the rules keep.
 */
export function findSupersededSnapshots(
  snapshots: readonly Snapshot[],
  verified: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const byId = new Map(snapshots.map(one => [one.id, one]))
  const superseded = new Map<string, string>()
  for (const { id, rotatedFrom, seal, createdAt } of snapshots) {
    // Without a seal anybody who may write could have named any snapshot here.
    if (rotatedFrom === undefined || seal === null || !verified.has(id)) continue
    const old = byId.get(rotatedFrom.id)
    if (old === undefined || old.id === id || old.createdAt !== createdAt) continue
    if (hashSnapshot(old) === rotatedFrom.headSha256) superseded.set(old.id, id)
  }
  return superseded
}
