import type { OpenMessage } from '../encryption/message-session.js'
import type { Lock } from '../encryption/open-pgp.js'
import { compareKeys } from '../store/compare-keys.js'
import type { ContentName } from './needed-content.js'
import type { ContentPlace, ObjectEntry } from './object-entry.js'
import type { Snapshot, SnapshotPlace } from './snapshot.js'
import { encryptionOf, encryptionOfRun, sameEncryption } from './snapshot-encryption.js'
import { readListing } from './snapshot-files.js'

/** A snapshot whose content is for today's keys, or will be, and what opens its listing. */
export interface Built {
  readonly snapshot: Snapshot
  readonly open: OpenMessage
}

/**
 * Where an entry's content lies for today's keys already: where the one beside it has it, or where it is. Null: it is
 * empty; undefined: it has to be encrypted anew.
 * @param beside the entry of the same key in a snapshot for today's keys
 */
export function takenPlace(
  { content, sha256, sizeBytes }: ObjectEntry,
  beside: ObjectEntry | undefined,
  of: { readonly snapshot: Snapshot; readonly lock: Lock },
): ContentPlace | null | undefined {
  if (content === null) return null
  if (beside?.sha256 === sha256 && beside.sizeBytes === sizeBytes) return beside.content
  const target = encryptionOf(of.lock)
  // One passphrase cannot be told from another here.
  const current = target.kind === 'recipients' && sameEncryption(encryptionOfRun(of.snapshot, content.run), target)
  return current ? content : undefined
}

/** Whether both are the same bytes in the same content. */
export function isSamePlace(one: ContentPlace, other: ContentPlace | null): boolean {
  return other !== null && one.run === other.run && one.number === other.number && one.offset === other.offset
}

/** Entries of another listing by their keys, which must be asked for in their order; neither listing is held. */
export function walkBeside(listing: AsyncGenerator<ObjectEntry> | undefined) {
  let at: IteratorResult<ObjectEntry> | undefined
  return {
    async find(key: string): Promise<ObjectEntry | undefined> {
      at ??= await listing?.next()
      while (at && !at.done && compareKeys(at.value.key, key) < 0) at = await listing?.next()
      return at && !at.done && at.value.key === key ? at.value : undefined
    },
    /** Reads the rest of it: only at its end is it known to be the one that its head names. */
    async finish(): Promise<void> {
      while (at && !at.done) at = await listing?.next()
    },
    async close(): Promise<void> {
      await listing?.return(undefined)
    },
  }
}

/** The content that has to be read to encrypt a snapshot anew. */
export async function* neededAnew(
  place: SnapshotPlace,
  old: { readonly snapshot: Snapshot; readonly lock: Lock; readonly open: OpenMessage },
  built: Built | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ContentName> {
  const beside = walkBeside(built && readListing(place, built.snapshot, built.open, signal))
  try {
    for await (const entry of readListing(place, old.snapshot, old.open, signal)) {
      const { content } = entry
      if (content !== null && takenPlace(entry, await beside.find(entry.key), old) === undefined) yield content
    }
    await beside.finish()
  } finally {
    await beside.close()
  }
}
