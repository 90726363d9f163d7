import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { ContentMarks } from './content-marks.js'
import { contentPrefix, parseContentName } from './object-layout.js'

/** How long each stored content of a set is, eight bytes for each: two million of them take 16 MB. */
export interface ContentLengths {
  /** Undefined: it is not there. */
  of(run: string, number: number): number | undefined
  /** What lies in an archive, readable at the moment or not, as the listing tells. */
  readonly archived: ContentMarks
}

/** Lists the content of a set, or of one of its runs, once. */
export async function readContentLengths(
  place: { readonly store: ObjectStore; readonly product: string; readonly set: string },
  signal: AbortSignal | undefined,
  ofRun?: string,
): Promise<ContentLengths> {
  const runs = new Map<string, Float64Array>()
  const archived = new ContentMarks()
  for await (const { run, number, sizeBytes, archive } of listContent(place, signal, ofRun)) {
    if (archive !== undefined) archived.mark(run, number)
    let lengths = runs.get(run)
    if (lengths === undefined || number >= lengths.length) {
      const grown = new Float64Array(Math.max(64, number + 1, (lengths?.length ?? 0) * 2)).fill(-1)
      if (lengths !== undefined) grown.set(lengths)
      lengths = grown
      runs.set(run, lengths)
    }
    lengths[number] = sizeBytes
  }
  return {
    archived,
    of(run, number) {
      const found = runs.get(run)?.[number]
      return found === undefined || found < 0 ? undefined : found
    },
  }
}

/** Every stored content of a set, or of one of its runs; what is not named like one is passed over. */
export async function* listContent(
  { store, product, set }: { readonly store: ObjectStore; readonly product: string; readonly set: string },
  signal: AbortSignal | undefined,
  ofRun?: string,
) {
  const prefix = contentPrefix(product, set)
  try {
    const listed = store.list(ofRun === undefined ? prefix : `${prefix}${ofRun}/`, { signal })
    for await (const { key, sizeBytes, modifiedAt, archive } of listed) {
      const name = key.endsWith('.gpg') ? parseContentName(key.slice(prefix.length, -'.gpg'.length)) : undefined
      // A number that no run reaches would ask for memory that nobody has.
      if (name !== undefined && name.number < 2 ** 31) yield { key, ...name, sizeBytes, modifiedAt, archive }
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `list ${prefix}`, signal })
  }
}
