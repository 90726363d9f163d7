import type { ErrorCode } from '../errors/error-code.js'
import type { ByteSource } from '../streams/byte-source.js'
import type { ObjectMetadata } from './object-metadata.js'
import type { PolicyNeeds, StorePolicy, StoreRole } from './store-policy.js'
import type { StorePosture } from './store-posture.js'

/** An object as a store lists it. */
export interface StoredObject {
  /** Relative to the store's prefix, `/`-separated, no leading slash. */
  readonly key: string
  readonly sizeBytes: number
  readonly modifiedAt: Date
  /** Changes whenever the object does, where the store has such a thing. Opaque. */
  readonly etag?: string | undefined
  /** What is kept beside the bytes, where the store keeps it. Only `head` and `get` tell. */
  readonly metadata?: ObjectMetadata | undefined
  /** The service's name for the storage class, where it has classes. */
  readonly storageClass?: string | undefined
  /** Set where its class keeps it in an archive: whether it can be read now. `list` may know less than `head`. */
  readonly archive?: ArchiveState | undefined
  /** Why the place will not let it go yet, for people: `locked until 2027-01-01T00:00:00.000Z`. Only `head` tells. */
  readonly retained?: string | undefined
  /** Until when, where only a lock keeps it, and no legal hold. Only `head` tells. */
  readonly lockedUntil?: Date | undefined
}

/** Whether an object that lies in an archive can be read. */
export interface ArchiveState {
  /** `archived`: it must be retrieved first. `retrieving`: that was asked for. `readable`: a copy of it is there. */
  readonly state: 'archived' | 'retrieving' | 'readable'
  /** Until when the copy is there. */
  readonly until?: Date | undefined
}

/** How long nobody may remove an object. */
export interface PutLock {
  readonly mode: 'governance' | 'compliance'
  /** Undefined: only the legal hold. */
  readonly until: Date | undefined
  readonly legalHold: boolean
}

/** What a store can really do; nothing here is a guess. */
export interface StoreCapabilities {
  /** `put` with `ifAbsent` is atomic: of several racers exactly one wins. */
  readonly conditionalPut: boolean
  /** `put` keeps `metadata`; `head` and `get` tell it. Default: false. */
  readonly metadata?: boolean | undefined
  readonly storageClasses: boolean
  readonly objectLock: boolean
  readonly versioning: boolean
}

/** A repetition that a store, or core around it, has decided on. */
export interface StoreRetry {
  /** What failed, for people: `put shop/…/manifest.json`. */
  readonly doing: string
  /** Which attempt comes next; the first repetition is the second. */
  readonly attempt: number
  readonly delayMs: number
  readonly code: ErrorCode
}

export interface StoreCallOptions {
  readonly signal?: AbortSignal | undefined
  /** Called before each wait of a store that repeats single requests itself (`retriesRequests`). */
  readonly onRetry?: ((retry: StoreRetry) => void) | undefined
}

export interface PutOptions extends StoreCallOptions {
  /** Kept beside the bytes; a store without `capabilities.metadata` passes over it. Default: none. */
  readonly metadata?: ObjectMetadata | undefined
  /** Refuse when the key exists. Default: false. */
  readonly ifAbsent?: boolean | undefined
  /** How many bytes to expect, roughly; stores size their parts by it. Default: unknown. */
  readonly expectedBytes?: number | undefined
  /** In the service's own words. Default: the store's. Stores with `storageClasses` honour it, others refuse it. */
  readonly storageClass?: string | undefined
  /** Stores with `objectLock` honour it, others refuse it. Default: what the place does by itself. */
  readonly lock?: PutLock | undefined
}

/** How an object is brought back from an archive. */
export interface RetrieveOptions extends StoreCallOptions {
  /** For how many days the copy shall be there. */
  readonly days: number
  /** How quick, and how dear. */
  readonly tier: 'expedited' | 'standard' | 'bulk'
}

/** What is known of a retrieval that was asked for. */
export interface RetrievalAsked {
  /** How long it mostly takes, in ms, where the service says. */
  readonly expectedMs?: number | undefined
}

/** What became of an object that was to be removed for good. */
export interface Removal {
  /**
   * `gone`: nothing of it is left. `removed`: listings show it no more, and nobody can tell whether the place keeps an
   * older version. `hidden`: listings show it no more, and it is kept. `kept`: it is as it was.
   */
  readonly state: 'gone' | 'removed' | 'hidden' | 'kept'
  /** What is left and why, or why nobody can tell, for people; null when it is gone. */
  readonly message: string | null
}

export interface GetOptions extends StoreCallOptions {
  /**
   * Refuse when the object is another one by now than the one of this `etag`, as `object-changed`. Only for stores whose
   * listings tell etags.
   */
  readonly ifMatch?: string | undefined
  /** Called before the first byte with what the store tells of the object. A store may not call it. */
  readonly onFound?: ((found: StoredObject) => void) | undefined
  /** First byte and (inclusive) last byte; `end` absent means to the end. Default: everything. */
  readonly range?: { readonly start: number; readonly end?: number | undefined } | undefined
}

/** A write that was begun and never finished, by a process that died. */
export interface UnfinishedPut {
  /** The key it was to have, or as much of it as the store knows; relative to the store's prefix. */
  readonly key: string
  readonly startedAt: Date
  /** What it takes up; 0 where the store does not say. */
  readonly sizeBytes: number
  /** The store's own name for it. */
  readonly handle: string
}

/**
 * Bytes by key. Small and dumb: encryption, retention, locking live in core, and retry unless `retriesRequests` says
 * that the store does better.
 *
 * Required semantics, which the conformance suite in `@lifeboat/core/testing` holds every store to:
 * - **read-after-write**: what `put` resolved for, `get`, `head` and `list` show at once;
 * - **atomic put**: until `put` resolves the key shows its old state; a failed or cancelled put (its source throws, its
 *   signal aborts) leaves nothing: no object, no temporary file, no unfinished upload. The source's regular end is the
 *   only thing that completes an object;
 * - **complete listings**: `list` yields every key with the prefix, or throws; order is promised by `listsInOrder` only. A prefix is a
 *   plain string prefix (`a/b` matches `a/bc`);
 * - **honest absence**: `head` of a missing key is `undefined`; `get` of one throws an error that `classify`es as
 *   `object-missing`; `remove` of one resolves;
 * - **honest capabilities**: with `conditionalPut`, a `put` with `ifAbsent` on an existing key throws an error that
 *   classifies as `object-exists` and changes nothing. Without it `ifAbsent` is checked beforehand, which a racer can beat;
 * - **keys stay inside**: a key that is empty, absolute, or holds `..`, `.`, an empty segment, a backslash or a control
 *   character is refused with `store-refused` before anything is touched (use {@link assertKey}).
 *
 * Stores throw raw errors; core wraps them once, with the code that `classify` gives.
 */
export interface ObjectStore {
  /** The kind of store: `directory`, `s3`, `memory`. */
  readonly name: string
  /** Where it is, for people: `/backups`, `s3://bucket/prefix`. Never holds a secret. */
  readonly location: string
  /** The name of the region where it keeps its objects, where it knows it. */
  readonly region?: string | undefined
  /** The host of its service, where it has one: what tells whether it shares a provider's fate. */
  readonly host?: string | undefined
  readonly capabilities: StoreCapabilities
  /** `list` yields keys in the order of their UTF-8 bytes. Default: false, any order. */
  readonly listsInOrder?: boolean | undefined
  /**
   * The store repeats single requests itself, such as the parts of an upload, and calls `onRetry`; core then repeats
   * none of its calls. Default: false.
   */
  readonly retriesRequests?: boolean | undefined
  put(key: string, source: ByteSource, options?: PutOptions): Promise<StoredObject>
  get(key: string, options?: GetOptions): ByteSource
  head(key: string, options?: StoreCallOptions): Promise<StoredObject | undefined>
  list(prefix: string, options?: StoreCallOptions): AsyncIterable<StoredObject>
  remove(key: string, options?: StoreCallOptions): Promise<void>
  /** The code a raw error of this store deserves, or undefined for "I don't know". */
  classify(error: unknown): ErrorCode | undefined
  /** Writes under a prefix that are not finished, those under way among them. Only stores whose writes can be left over. */
  listUnfinished?(prefix: string, options?: StoreCallOptions): AsyncIterable<UnfinishedPut>
  /** Gives up an unfinished write and frees what it takes up; one that is gone resolves. */
  removeUnfinished?(unfinished: UnfinishedPut, options?: StoreCallOptions): Promise<void>
  /**
   * Removes an object with every older version of it. A store that keeps versions has it: there `remove` only hides. What
   * cannot be removed is the answer, not an error.
   */
  removeForGood?(key: string, options?: StoreCallOptions): Promise<Removal>
  /** Asks for an archived object to be made readable; `head` tells when it is. Asking again is no error. */
  retrieve?(key: string, options: RetrieveOptions): Promise<RetrievalAsked>
  /**
   * Sees to it that an object is locked at least as `lock` says; whatever keeps it for longer stays. A missing key is an
   * error that classifies as `object-missing`. Stores with `capabilities.objectLock` may have it; without it nothing that
   * is carried from one snapshot of objects to the next can be locked.
   */
  extendLock?(key: string, lock: PutLock, options?: StoreCallOptions): Promise<void>
  /** How the place itself is set up. What the service does not say is null there, and said; it throws only raw errors. */
  posture?(options?: StoreCallOptions): Promise<StorePosture>
  /** The rights that somebody with this role needs here, as the service takes them. */
  policy?(role: StoreRole, product: string, needs: PolicyNeeds): Promise<StorePolicy> | StorePolicy
  /** Whether the place itself answers and may be written to; `doctor` asks. Throws raw errors. */
  probe?(options?: StoreCallOptions): Promise<void>
}
