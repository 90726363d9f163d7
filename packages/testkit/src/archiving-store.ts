import { BackupError } from '../../core/src/errors/backup-error.js'
import type { ArchiveState, ObjectStore, RetrieveOptions, StoredObject } from '../../core/src/store/object-store.js'

/** A store whose content lies in an archive, and what was asked of it. */
export interface ArchivingStore extends ObjectStore {
  /** Keys that were asked for, in their order. */
  readonly retrievals: string[]
  /** How often an object was looked at. */
  heads(): number
  /** Copies of what was asked for are there, until then where that is said. */
  finish(until?: Date): void
  /** Copies that are there go away again. */
  expire(): void
}

/** Puts what `isArchived` says of a store into an archive, played: a read is refused until it was retrieved. */
export function archiving(store: ObjectStore, isArchived: (key: string) => boolean): ArchivingStore {
  const states = new Map<string, ArchiveState>()
  const retrievals: string[] = []
  let heads = 0
  const stateOf = (key: string): ArchiveState => states.get(key) ?? { state: 'archived' }
  const told = (found: StoredObject, state: ArchiveState) =>
    isArchived(found.key) ? { ...found, storageClass: 'GLACIER', archive: state } : found
  return {
    ...store,
    retrievals,
    heads: () => heads,
    finish(until) {
      for (const key of states.keys()) states.set(key, { state: 'readable', until })
    },
    expire: () => states.clear(),
    async *get(key, options) {
      const refuse = () => {
        if (isArchived(key) && stateOf(key).state !== 'readable')
          throw new BackupError('object-archived', `${key} lies in an archive`)
      }
      refuse()
      for await (const chunk of store.get(key, options)) {
        refuse()
        yield chunk
      }
    },
    async head(key, options) {
      heads += 1
      const found = await store.head(key, options)
      return found && told(found, stateOf(key))
    },
    async *list(prefix, options) {
      // As services whose listings know nothing of retrievals.
      for await (const found of store.list(prefix, options)) yield told(found, { state: 'archived' })
    },
    async retrieve(key: string, _: RetrieveOptions) {
      retrievals.push(key)
      if (stateOf(key).state === 'archived') states.set(key, { state: 'retrieving' })
      return { expectedMs: 5 * 3_600_000 }
    },
  }
}
