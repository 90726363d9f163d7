import type { RestoreProfile } from '../restore/restore-profile.js'
import type { BackupName, RetrieveBackupOptions, RunOptions, SelectOptions } from './run-options.js'

export interface RestoreOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** A `postgres://` address of the target database. */
  readonly to: string
  /** Create the database first; it must not exist. Dropped again when the restore fails. Default: false. */
  readonly create?: boolean | undefined
  /** How many connections build indexes and load tables at once. Default: 2. */
  readonly jobs?: number | undefined
  /**
   * Allow a target that is not empty: its objects named in the backup are dropped first, with CASCADE, so also what
   * depends on them. Default: false.
   */
  readonly overwrite?: boolean | undefined
  /** The second word for an overwrite of the very database the backup came from. Default: false. */
  readonly overwriteSource?: boolean | undefined
  /**
   * Restore a backup whose manifest carries no seal although the product's manifests are sealed: one from before that,
   * or one whose seal somebody removed. Default: false, it is refused.
   */
  readonly allowUnsealed?: boolean | undefined
  /**
   * Pause the services that the provider's configuration names, and resume them at the end, whatever it is. A run that
   * dies meanwhile leaves a note, from which `doctor` or a later restore with `resume` starts them again. Default: false.
   */
  readonly pause?: boolean | undefined
  /** As `pause`, and take over what an earlier restore, now dead, left paused: it stays so until the end. Default: false. */
  readonly resume?: boolean | undefined
  /** What the kind of target does not take, and needs. Default: the archive as it is. */
  readonly profile?: RestoreProfile | undefined
  /** Keep a database that `create` made although the restore failed. Default: false. */
  readonly keepFailed?: boolean | undefined
  /**
   * Only these tables, views and sequences, with what they need: `schema.name`, patterns as psql's (`sales.*`).
   * Default: everything. A target that is not empty is fine as long as it has none of them.
   */
  readonly tables?: readonly string[] | undefined
  /** With `tables`: also the tables that foreign keys of the chosen ones name, and theirs. Default: false. */
  readonly withReferenced?: boolean | undefined
  /**
   * Put tables into this schema instead of their own: a copy beside live tables, which are not touched. It must be new
   * or empty; `overwrite` drops what it holds of the same names. Default: their own schemas.
   */
  readonly intoSchema?: string | undefined
  /** Only definitions, or only rows (into tables that exist and are empty). Default: both. */
  readonly only?: 'schema' | 'data' | undefined
}

/** An entry of a backup and what it is needed by. */
export interface NeededEntry extends ContentsEntry {
  readonly neededBy: ContentsEntry
}

/** What a partial restore takes. */
export interface RestorePart {
  /** The tables that the patterns matched, with their partitions. Null: no tables were named. */
  readonly chosen: readonly ContentsEntry[] | null
  /** Restored with them: they cannot be without. */
  readonly required: readonly NeededEntry[]
  /** The target has them; they stay as they are. */
  readonly reused: readonly NeededEntry[]
  /** Left out, and with them the foreign keys and policies that name them; `withReferenced` takes the former along. */
  readonly offered: readonly NeededEntry[]
  readonly intoSchema: string | null
  readonly only: 'schema' | 'data' | null
  /** Of the rows that are restored, as COPY writes them. */
  readonly bytes: number
}

/** What a restore would do, and what stands against it. */
export interface RestorePlan {
  readonly product: string
  readonly id: string
  readonly destination: string
  readonly createdAt: string
  /** `host:port/database`, never a password. */
  readonly target: string
  readonly create: boolean
  readonly overwrite: boolean
  readonly targetIsSource: boolean
  readonly tables: number | null
  readonly rows: number | null
  readonly plainBytes: number
  /** What the backup holds besides its database, and this restore leaves alone: `roles`, `files: config`. Absent: nothing. */
  readonly besides?: readonly string[] | undefined
  /** Null: the whole backup. */
  readonly part: RestorePart | null
  readonly warnings: readonly string[]
  /** Null: none was given. */
  readonly profile: {
    readonly name: string
    readonly kept: readonly ContentsEntry[]
    /** What is done on the target before the first definition, for people. */
    readonly prepare: readonly string[]
  } | null
  /** What the backup holds and the restore leaves out on purpose; without what `part` did not ask for. */
  readonly skipped: readonly { readonly entry: string; readonly reason: string }[]
}

/** One entry of the archive's table of contents, as pg_restore names it. */
export interface ContentsEntry {
  /** `TABLE`, `FUNCTION`, `FK CONSTRAINT`, … */
  readonly kind: string
  readonly schema: string | null
  readonly name: string
}

export interface ContentsOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** Show these tables and what they need; patterns as in {@link RestoreOptions.tables}. Default: all. */
  readonly tables?: readonly string[] | undefined
  /** As in {@link RestoreOptions.withReferenced}. Default: false. */
  readonly withReferenced?: boolean | undefined
}

/** What a backup holds. */
export interface BackupContents {
  readonly product: string
  readonly id: string
  readonly destination: string
  readonly createdAt: string
  /** Tables and views, with their rows and the bytes of these; null where there are none of its own. */
  readonly tables: readonly (ContentsEntry & { readonly rows: number | null; readonly bytes: number | null })[]
  /** How many entries of each kind the whole archive has. */
  readonly kinds: Readonly<Record<string, number>>
  /** With `tables`: what a database that has nothing yet would get with them. */
  readonly required: readonly NeededEntry[]
  /** With `tables`: what their foreign keys and policies name, and would be left out. */
  readonly offered: readonly NeededEntry[]
}

export interface RestoreResult {
  readonly plan: RestorePlan
  readonly tables: number
  readonly rows: number
  /** Each step and how long it took. */
  readonly steps: readonly { readonly step: string; readonly durationMs: number }[]
  readonly durationMs: number
}

/** What brings a backup back. */
export interface RestoreOperations {
  /** What a backup holds, read from the front of its artifact. */
  contents(backup: BackupName, options?: ContentsOptions): Promise<BackupContents>
  planRestore(backup: BackupName, options: RestoreOptions): Promise<RestorePlan>
  restore(backup: BackupName, options: RestoreOptions): Promise<RestoreResult>
}
