import type { OpenMessage } from '../encryption/message-session.js'
import type { Lock } from '../encryption/open-pgp.js'
import type { EventListener } from '../events/backup-event.js'
import type { Sealer, SealKeys } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import type { CheckpointEvery } from './checkpoint-writer.js'
import type { ObjectLockRule } from './plan-lock.js'

/** One run into one destination. */
export interface CopyJob {
  readonly product: string
  readonly set: string
  readonly source: ObjectStore
  readonly prefix: string
  readonly destination: string
  readonly store: ObjectStore
  /** Of content; listings are always read again, and lie where they can be. Default: the store's. */
  readonly storageClass: string | undefined
  /** Of all that the snapshot needs. */
  readonly objectLock: ObjectLockRule | undefined
  readonly lock: Lock
  /** To whom listings are encrypted: to whoever reads content, and to the next run. */
  readonly listingLock: Lock
  readonly openListing: OpenMessage
  readonly sealer: Sealer
  readonly sealKeys: SealKeys
  readonly full: boolean
  /** How often it writes down what it has. Default: 2,000 objects, or 256 MiB. */
  readonly checkpointEvery?: CheckpointEvery | undefined
  readonly now: () => Date
  readonly random: (limit: number) => number
  readonly lockLeaseMs: number
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

/** What a run counts as it goes. */
export interface CopyCounts {
  added: number
  changed: number
  removed: number
  unchanged: number
  resumed: number
  vanished: number
  fetchedBytes: number
}

/** The name of the lock that runs and prunes of one set exclude each other by. Backups of the database go on meanwhile. */
export function setLock(set: string): `objects-${string}` {
  return `objects-${set}`
}
