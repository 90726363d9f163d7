import type { ArchiveState, StoredObject } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { listContent } from './content-lengths.js'
import type { ContentMarks } from './content-marks.js'
import { contentKey } from './object-layout.js'
import type { SnapshotPlace } from './snapshot.js'

/** Content that lies in an archive, readable at the moment or not. */
export interface ArchivedContent {
  readonly run: string
  readonly number: number
  readonly key: string
  readonly storedBytes: number
  readonly storageClass: string
  readonly archive: ArchiveState
}

/** Of a run that needs no more than this, each content is looked at; else what the run stored is listed first. */
const fewOfRun = 100
const looksAtOnce = 16

/**
 * What of the needed content lies in an archive. Asks for nothing, and holds nothing but the marks. A store that retrieves
 * nothing has no archives, and is not asked.
 */
export async function* findArchived(
  place: SnapshotPlace,
  needed: ContentMarks,
  signal: AbortSignal | undefined,
): AsyncGenerator<ArchivedContent> {
  if (place.store.retrieve === undefined) return
  const looked = orderedParallel(candidates(), looksAtOnce, ({ run, number }) => lookAt(place, run, number, signal))
  for await (const found of looked) if (found !== undefined) yield found

  async function* candidates() {
    for (const { run, count } of needed.runs()) {
      if (count <= fewOfRun) for (const number of needed.numbersOf(run)) yield { run, number }
      else {
        // A listing may not know of retrievals, so what it calls archived is looked at.
        for await (const { number, archive } of listContent(place, signal, run))
          if (archive !== undefined && needed.has(run, number)) yield { run, number }
      }
    }
  }
}

/** Undefined: it lies in no archive, or is not there, which whoever reads it finds. */
export async function lookAt(
  { store, product, set }: SnapshotPlace,
  run: string,
  number: number,
  signal: AbortSignal | undefined,
): Promise<ArchivedContent | undefined> {
  const key = contentKey(product, set, run, number)
  const found = await store.head(key, { signal }).catch((error: unknown) => {
    throw wrapStoreError(error, { store, doing: `look at ${key}`, signal })
  })
  return found?.archive && { run, number, ...described(key, found, found.archive) }
}

function described(key: string, { sizeBytes, storageClass }: StoredObject, archive: ArchiveState) {
  return { key, storedBytes: sizeBytes, storageClass: storageClass ?? 'an archive', archive }
}
