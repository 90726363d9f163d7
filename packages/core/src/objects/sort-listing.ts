import { compareKeys } from '../store/compare-keys.js'
import type { ObjectStore, StoredObject } from '../store/object-store.js'
import { openSpill, type Spill } from '../streams/spill.js'

/** How many entries of a listing, and characters of keys, are held at once where it has to be sorted. */
const sortedAtOnce = 50_000
const sortedCharacters = 4 * 1024 * 1024

/**
 * A store's listing in the order of the keys' bytes. One that promises no order is sorted by parts of 50,000 entries,
 * which wait on the disk, encrypted; memory holds one part, and then an entry of each.
 */
export async function* listInOrder(
  store: ObjectStore,
  prefix: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<StoredObject> {
  const listing = store.list(prefix, { signal: options.signal })
  if (store.listsInOrder) yield* listing
  else yield* sortListing(listing)
}

async function* sortListing(listing: AsyncIterable<StoredObject>): AsyncGenerator<StoredObject> {
  const spills: Spill[] = []
  try {
    let held: StoredObject[] = []
    let characters = 0
    for await (const found of listing) {
      held.push(found)
      characters += found.key.length
      if (held.length < sortedAtOnce && characters < sortedCharacters) continue
      spills.push(await spillSorted(held))
      held = []
      characters = 0
    }
    held.sort(byKey)
    if (spills.length === 0) yield* held
    else yield* mergeSorted([...spills.map(readSpill), fromArray(held)], byKey)
  } finally {
    await Promise.all(spills.map(spill => spill.close()))
  }
}

/** Several sorted sequences as one. */
export async function* mergeSorted<T>(
  sources: readonly AsyncIterable<T>[],
  compare: (a: T, b: T) => number,
): AsyncGenerator<T> {
  const heads: { readonly iterator: AsyncIterator<T>; value: T }[] = []
  try {
    for (const source of sources) {
      const iterator = source[Symbol.asyncIterator]()
      const first = await iterator.next()
      if (!first.done) heads.push({ iterator, value: first.value })
    }
    while (heads.length > 0) {
      let least = 0
      for (let at = 1; at < heads.length; at++) if (compare(heads[at]!.value, heads[least]!.value) < 0) least = at
      const head = heads[least]!
      yield head.value
      const next = await head.iterator.next()
      if (next.done) heads.splice(least, 1)
      else head.value = next.value
    }
  } finally {
    await Promise.all(heads.map(({ iterator }) => iterator.return?.()))
  }
}

function byKey(a: StoredObject, b: StoredObject): number {
  return compareKeys(a.key, b.key)
}

async function spillSorted(objects: StoredObject[]): Promise<Spill> {
  const spill = await openSpill()
  for (const one of objects.sort(byKey)) await spill.append(JSON.stringify(one))
  return spill
}

async function* readSpill(spill: Spill): AsyncGenerator<StoredObject> {
  for await (const line of spill.read()) {
    const one = JSON.parse(line) as StoredObject
    yield { ...one, modifiedAt: new Date(one.modifiedAt) }
  }
}

async function* fromArray<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}
