import { BackupError } from '../errors/backup-error.js'
import { compareKeys } from '../store/compare-keys.js'
import type { StoredObject } from '../store/object-store.js'
import type { ObjectEntry } from './object-entry.js'

/** What became of a key since the snapshot before. */
export type Change =
  | { readonly kind: 'unchanged'; readonly previous: ObjectEntry }
  | { readonly kind: 'added'; readonly found: StoredObject }
  | { readonly kind: 'changed'; readonly found: StoredObject; readonly previous: ObjectEntry }
  | { readonly kind: 'removed'; readonly previous: ObjectEntry }

/**
 * Walks a source's listing and the one of the snapshot before, both in the order of their keys, and says what became of
 * each key. Holds one entry of each.
 * @throws BackupError `store-refused` when the listing breaks its order, `object-damaged` when the snapshot does
 */
export async function* compareListings(
  listing: AsyncIterable<StoredObject>,
  snapshot: AsyncIterable<ObjectEntry>,
): AsyncGenerator<Change> {
  const sources = inOrder(listing, disordered)[Symbol.asyncIterator]()
  const previous = inOrder(snapshot, damaged)[Symbol.asyncIterator]()
  try {
    let [now, before] = [await sources.next(), await previous.next()]
    while (!now.done || !before.done) {
      const order = now.done ? 1 : before.done ? -1 : compareKeys(now.value.key, before.value.key)
      if (order < 0) {
        yield { kind: 'added', found: now.value }
        now = await sources.next()
      } else if (order > 0) {
        yield { kind: 'removed', previous: before.value }
        before = await previous.next()
      } else {
        yield isUnchanged(now.value, before.value)
          ? { kind: 'unchanged', previous: before.value }
          : { kind: 'changed', found: now.value, previous: before.value }
        now = await sources.next()
        before = await previous.next()
      }
    }
  } finally {
    await sources.return?.(undefined)
    await previous.return?.(undefined)
  }
}

/**
 * The same size, the same etag where the source has one, and the same time of change: a copy of an object onto itself with
 * other metadata changes that time alone.
 */
export function isUnchanged(found: StoredObject, previous: ObjectEntry): boolean {
  return (
    !previous.stale &&
    found.sizeBytes === previous.sizeBytes &&
    (found.etag ?? null) === previous.etag &&
    found.modifiedAt.toISOString() === previous.modifiedAt
  )
}

/** Passes over a key that comes twice in a row, as where an object was written between two pages. */
async function* inOrder<T extends { readonly key: string }>(
  source: AsyncIterable<T>,
  complain: (before: string, key: string) => BackupError,
): AsyncGenerator<T> {
  let last: string | undefined
  for await (const one of source) {
    const order = last === undefined ? 1 : compareKeys(one.key, last)
    if (order < 0) throw complain(last!, one.key)
    if (order > 0) yield one
    last = one.key
  }
}

function disordered(before: string, key: string): BackupError {
  return new BackupError(
    'store-refused',
    `the source lists ${JSON.stringify(key)} after ${JSON.stringify(before)}: not in the order of their bytes`,
    { hint: 'say listsInOrder: false in the options of the source, and its listing is sorted first' },
  )
}

function damaged(): BackupError {
  return new BackupError('object-damaged', 'the listing of the snapshot before is out of order', {
    hint: 'copy everything anew: `lifeboat objects backup --full`',
  })
}
