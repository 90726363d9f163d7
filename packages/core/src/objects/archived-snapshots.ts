import { listContent } from './content-lengths.js'
import { ContentMarks } from './content-marks.js'
import type { Snapshot, SnapshotPlace } from './snapshot.js'
import { readInventory } from './snapshot-files.js'

/** Which content of a set lies in an archive, readable at the moment or not, as a listing tells. */
export async function markArchived(place: SnapshotPlace, signal: AbortSignal | undefined): Promise<ContentMarks> {
  const marks = new ContentMarks()
  if (place.store.retrieve === undefined) return marks
  for await (const { run, number, archive } of listContent(place, signal))
    if (archive !== undefined) marks.mark(run, number)
  return marks
}

/** Whether a snapshot needs any of it. Reads the snapshot's inventory up to the first that it does. */
export async function needsAny(
  place: SnapshotPlace,
  snapshot: Snapshot,
  marks: ContentMarks,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (marks.count === 0) return false
  for await (const { run, number } of readInventory(place, snapshot, signal)) if (marks.has(run, number)) return true
  return false
}
