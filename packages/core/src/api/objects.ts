import type { ErrorCode } from '../errors/error-code.js'
import type { ObjectsRecord } from '../objects/objects-record.js'
import type { Snapshot } from '../objects/snapshot.js'
import type { PrunePlan } from '../retention/plan-prune.js'
import type { ObjectStore } from '../store/object-store.js'
import type { RetrieveBackupOptions, RunOptions, SelectOptions } from './run-options.js'
import type { Finding } from './verification.js'

export type { ObjectsRecord } from '../objects/objects-record.js'
export type { Snapshot } from '../objects/snapshot.js'

export interface CopyObjectsOptions extends RunOptions, SelectOptions {
  /** Fetch every object anew, whatever the snapshot before has. Default: false. */
  readonly full?: boolean | undefined
}

/** An object that a run could not read. */
export interface MissedObject {
  readonly key: string
  readonly message: string
  /** Whether the snapshot has it as an earlier run did. */
  readonly kept: boolean
}

/** What one run did in one destination. */
export interface ObjectCopy {
  readonly destination: string
  readonly location: string
  /** `partial`: some objects could not be read. */
  readonly outcome: 'complete' | 'partial' | 'failed'
  /** Null when it failed. */
  readonly snapshot: Snapshot | null
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: number
  /** Unchanged since a run that was killed fetched them: not fetched again. */
  readonly resumed: number
  /** Listed, and gone before they could be read. */
  readonly vanished: number
  /** Plain bytes that were read from the source. */
  readonly fetchedBytes: number
  readonly storedBytes: number
  /** The first hundred; `snapshot.missed` counts them all. */
  readonly missed: readonly MissedObject[]
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null
}

/** What became of a run. Rejects instead when no destination has a snapshot. */
export interface CopyObjectsResult {
  readonly product: string
  readonly set: string
  readonly source: string
  /** `partial`: a destination failed, or some objects could not be read. */
  readonly status: 'complete' | 'partial'
  readonly destinations: readonly ObjectCopy[]
  readonly durationMs: number
}

/** A snapshot as a listing shows it: one entry per snapshot and destination. */
export interface ListedSnapshot {
  readonly product: string
  readonly set: string
  readonly id: string
  readonly destination: string
  readonly location: string
  readonly snapshot: Snapshot
  /** Whether content that it needs lies in an archive, readable at the moment or not. Null: nobody has looked. */
  readonly archived: boolean | null
}

/** Content that lies in an archive and cannot be read now. */
export interface ArchivedObjects {
  readonly contents: number
  readonly storedBytes: number
  /** How many of them are being retrieved. */
  readonly retrieving: number
  readonly storageClass: string
}

export interface ListSnapshotsOptions extends RunOptions, SelectOptions {
  /** See which snapshots need content in an archive: a listing of all content, where the store has archives. Default: false. */
  readonly archives?: boolean | undefined
}

export interface SnapshotList {
  readonly snapshots: readonly ListedSnapshot[]
  readonly unreadable: readonly {
    readonly product: string
    readonly set: string
    readonly destination: string
    readonly key: string
    readonly message: string
  }[]
}

export interface VerifyObjectsOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** An id. Default: the newest. */
  readonly snapshot?: string | undefined
  /**
   * `listed`: its files and all content it needs are there, with their lengths. `stored`: every stored byte is what was
   * written. `content`: every object opens and is what was read from the source. Default: `content`. Content in an archive
   * is read only with `retrieve`; without it a report that leaves some out says `listed`, and `content-archived`.
   */
  readonly level?: 'listed' | 'stored' | 'content' | undefined
  /**
   * At `stored` and `content`: which share of it to read, chosen at random; above 0. With `retrieve` a share of contents,
   * the same one each time for a snapshot. Default: 1, everything.
   */
  readonly sample?: number | undefined
}

export interface ObjectHistoryOptions extends RunOptions, SelectOptions {
  /** One set. Default: all. */
  readonly set?: string | undefined
  /** Leave out older ones. */
  readonly since?: Date | undefined
}

/** What a verification of a snapshot found. `ok` means no finding is critical. */
export interface ObjectsReport {
  readonly product: string
  readonly set: string
  readonly id: string
  readonly destination: string
  readonly level: 'listed' | 'stored' | 'content'
  readonly ok: boolean
  readonly findings: readonly Finding[]
  readonly objects: number
  /** How many objects (`content`) or contents (`stored`) were read. */
  readonly read: number
  readonly readBytes: number
  readonly durationMs: number
}

export interface RestoreObjectsOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** An id. Default: the newest. */
  readonly snapshot?: string | undefined
  /** Only keys that begin with this. Default: all. */
  readonly prefix?: string | undefined
  /**
   * What becomes of keys that the target has: `refuse` restores nothing, `keep` leaves them as they are, `overwrite`
   * replaces them. Default: `refuse`.
   */
  readonly existing?: 'refuse' | 'keep' | 'overwrite' | undefined
  /** The second word for an overwrite in the very place that the objects came from. Default: false. */
  readonly overwriteSource?: boolean | undefined
  /** Restore a snapshot that carries no seal although the product's do. Default: false, it is refused. */
  readonly allowUnsealed?: boolean | undefined
  /** Read every restored object back and compare it. Default: false, keys and lengths are compared. */
  readonly readBack?: boolean | undefined
}

/** What a restore would do, and what stands against it. */
export interface ObjectRestorePlan {
  readonly product: string
  readonly set: string
  readonly id: string
  readonly destination: string
  readonly createdAt: string
  readonly target: string
  readonly targetIsSource: boolean
  readonly prefix: string
  readonly existing: 'refuse' | 'keep' | 'overwrite'
  /** What would be written. */
  readonly objects: number
  readonly plainBytes: number
  /** Keys of it that the target has. */
  readonly present: number
  /** What of it cannot be read now, and must be retrieved; null: all can. */
  readonly archived: ArchivedObjects | null
  readonly warnings: readonly string[]
}

export interface ObjectRestoreResult {
  readonly plan: ObjectRestorePlan
  readonly restored: number
  readonly restoredBytes: number
  /** Left as they were: the target has them. */
  readonly kept: number
  /** The first hundred of what could not be restored. */
  readonly failed: readonly { readonly key: string; readonly message: string }[]
  readonly failedCount: number
  /** What the look at the target afterwards found. Empty: everything is there. */
  readonly findings: readonly Finding[]
  readonly durationMs: number
}

export interface PruneObjectsOptions extends RunOptions, SelectOptions {
  /** Remove what the plan says. Default: false, a dry run. */
  readonly apply?: boolean | undefined
}

export interface ObjectsPruneResult {
  readonly product: string
  readonly set: string
  readonly destination: string
  readonly applied: boolean
  readonly plan: PrunePlan
  readonly removed: readonly string[]
  /** What the store would not remove, such as locked objects. */
  readonly retained: readonly { readonly id: string; readonly message: string; readonly code?: ErrorCode | undefined }[]
  /** Content, and files of snapshots, that no snapshot needs any more and that is older than a day. */
  readonly unneeded: { readonly count: number; readonly storedBytes: number }
  /** Of that, what was removed. */
  readonly freed: { readonly count: number; readonly storedBytes: number }
  /**
   * Of it, what a lock of the place still keeps. `until`: when the last of it lets go, RFC 3339; null where a legal hold
   * keeps some of it, or nothing is kept. A dry run does not look.
   */
  readonly locked: { readonly count: number; readonly storedBytes: number; readonly until: string | null }
  /** Why nothing but snapshots was removed; null as a rule. */
  readonly held: string | null
}

/** Buckets and folders of files, copied object by object. */
export interface ObjectOperations {
  /** The names of a product's sets of objects, in configured order. */
  objectSets(product: string): readonly string[]
  /** Copies what is new or changed in a set's source, and writes a snapshot of all of it, into each of its destinations. */
  copyObjects(product: string, set: string, options?: CopyObjectsOptions): Promise<CopyObjectsResult>
  /** The snapshots of a set (default: of all sets), newest first. */
  listObjectSnapshots(product: string, set?: string, options?: ListSnapshotsOptions): Promise<SnapshotList>
  /** Checks a snapshot, and records in its destination what came of it. */
  verifyObjects(product: string, set: string, options?: VerifyObjectsOptions): Promise<ObjectsReport>
  /** The recorded verifications of a product's sets (default: of all products), newest first. */
  objectHistory(product?: string, options?: ObjectHistoryOptions): Promise<readonly ObjectsRecord[]>
  planObjectRestore(
    product: string,
    set: string,
    target: ObjectStore | 'source',
    options?: RestoreObjectsOptions,
  ): Promise<ObjectRestorePlan>
  /** Writes the objects of a snapshot into a bucket or a folder (`source`: where they came from). */
  restoreObjects(
    product: string,
    set: string,
    target: ObjectStore | 'source',
    options?: RestoreObjectsOptions,
  ): Promise<ObjectRestoreResult>
  /** One result per destination of the set. */
  pruneObjects(product: string, set: string, options?: PruneObjectsOptions): Promise<readonly ObjectsPruneResult[]>
}
