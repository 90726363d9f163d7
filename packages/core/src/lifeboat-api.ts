import type { RestoreEstimate } from './drill/estimate-restore.js'
import type { BackupEvent } from './events/backup-event.js'
import type { PauseResult } from './maintenance/pause-services.js'
import type {
  FollowOptions,
  ProviderBackup,
  Recovered,
  RecoveryPlan,
  RecoveryWindow,
} from './provider/backup-provider.js'
import type { KeptSecret } from './provider/keep-secret.js'
import type { ProviderListing, RecoveryGoal } from './provider/recover-product.js'
import type { ReportModel } from './report/report-model.js'
import type { Manifest } from './repository/manifest.js'
import type { Check, DrillRecord, ProofRecord } from './repository/record-schema.js'
import type { RestoreProfile } from './restore/restore-profile.js'
import type { PrunePlan } from './retention/plan-prune.js'
import type { Timeline } from './timeline/timeline.js'

/** Options that every long operation takes. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: ((event: BackupEvent) => void) | undefined
}

export interface BackupOptions extends RunOptions {
  /** Why this backup is made. Default: `manual`. */
  readonly reason?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
}

export interface DestinationOutcome {
  readonly destination: string
  readonly location: string
  readonly outcome: 'stored' | 'failed'
  /** Set when it failed. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null
}

/** What became of one backup. Rejects instead when no destination has it. */
export interface BackupResult {
  readonly status: 'complete' | 'partial'
  readonly product: string
  readonly id: string
  readonly manifest: Manifest
  readonly destinations: readonly DestinationOutcome[]
  readonly durationMs: number
}

/** A backup as a listing shows it: one entry per backup and destination. */
export interface ListedBackup {
  readonly product: string
  readonly id: string
  readonly destination: string
  readonly location: string
  readonly manifest: Manifest
  /** Sum over the artifacts, in bytes. */
  readonly storedBytes: number
}

/** Objects under a product's prefix that no readable manifest names. */
export interface Unreadable {
  readonly product: string
  readonly destination: string
  readonly key: string
  readonly message: string
}

export interface ListResult {
  /** Newest first, by `createdAt`. */
  readonly backups: readonly ListedBackup[]
  /** Manifests that could not be read: damage, never hidden. */
  readonly unreadable: readonly Unreadable[]
}

export const verificationLevels = ['listed', 'stored', 'content', 'restored'] as const
export type VerificationLevel = (typeof verificationLevels)[number]

/** One thing that a check found. */
export interface Finding {
  readonly severity: 'critical' | 'warning' | 'info'
  /** A stable name: `artifact-missing`, `artifact-length`, `artifact-checksum`, `rows-differ`, … (docs/errors.md). */
  readonly code: string
  readonly message: string
  readonly hint: string | null
}

/** What a verification found. `ok` means no finding is critical. */
export interface VerificationReport {
  readonly product: string
  readonly id: string
  readonly destination: string
  readonly level: VerificationLevel
  readonly ok: boolean
  readonly findings: readonly Finding[]
  /** What was looked at, whether or not it gave a finding. */
  readonly checks: readonly Check[]
  /** Whether the live database was looked at, too. */
  readonly live: boolean
  readonly tables: number | null
  readonly rows: number | null
  readonly readBytes: number
  readonly durationMs: number
}

/** What a drill found. `record` is what the store keeps of it: steps, proof, objectives. */
export interface DrillReport extends VerificationReport {
  readonly level: 'restored'
  readonly record: DrillRecord
  /** A restore at the size of this backup's source, from the drills of its destination; `null` where none came through. */
  readonly estimate: RestoreEstimate | null
}

/**
 * How a backup is named: `latest`, `PRODUCT/latest`, an id, `PRODUCT/ID`, or the path or `s3://` address of a
 * backup's folder, manifest or artifact.
 */
export type BackupName = string

export interface SelectOptions {
  /** Only look in this destination. Default: the first (in configured order) that has the backup. */
  readonly destination?: string | undefined
}

export interface VerifyOptions extends RunOptions, SelectOptions {
  /** Default: `content`. `restored` is a drill. */
  readonly level?: VerificationLevel | undefined
  /** Look at the live database, too. Needs the address of the product's source. Default: false. */
  readonly live?: boolean | undefined
}

export interface DrillOptions extends RunOptions, SelectOptions {
  /** Default: the product's `drill.proof`. */
  readonly proof?: 'content' | 'counts' | undefined
}

/** A difference between a backup's definitions and the live database's. */
export interface SchemaDifference {
  /** `added`: only in the database; `missing`: only in the backup; `changed`: defined otherwise. */
  readonly kind: 'missing' | 'added' | 'changed'
  /** `TABLE`, `INDEX`, `POLICY`, … */
  readonly description: string
  /** As people name it: `INDEX public.orders_day`. */
  readonly entry: string
}

export interface SchemaDiff {
  readonly product: string
  readonly id: string
  readonly destination: string
  readonly createdAt: string
  /** `host:port/database` of the live one. */
  readonly source: string
  /** False where server or client are of other versions than the backup's: then only names were compared. */
  readonly definitionsCompared: boolean
  readonly differences: readonly SchemaDifference[]
  /** How many entries of the backup were compared. */
  readonly entries: number
}

export interface RestoreOptions extends RunOptions, SelectOptions {
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

export interface ContentsOptions extends RunOptions, SelectOptions {
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

export interface HistoryOptions extends RunOptions, SelectOptions {
  /** Nothing older than this. Default: everything that is recorded. */
  readonly since?: Date | undefined
}

export interface PruneOptions extends RunOptions, SelectOptions {
  /** Remove what the plan says. Default: false, a dry run. */
  readonly apply?: boolean | undefined
}

export interface PruneResult {
  readonly product: string
  readonly destination: string
  readonly applied: boolean
  readonly plan: PrunePlan
  readonly removed: readonly string[]
  /** What the store would not remove, such as locked objects. */
  readonly retained: readonly { readonly id: string; readonly message: string }[]
  /** What crashed runs left; removed as well with `apply`. */
  readonly sweep: SweepResult
}

/** What crashed runs left in one destination. */
export interface SweepResult {
  readonly product: string
  readonly destination: string
  readonly applied: boolean
  readonly garbage: readonly {
    readonly kind: 'artifact-without-manifest' | 'expired-lock' | 'unfinished-upload'
    readonly key: string
    readonly sizeBytes: number
    /** When it was last written, RFC 3339. */
    readonly since: string
  }[]
  /** Keys. */
  readonly removed: readonly string[]
  /** What the store would not remove. */
  readonly retained: readonly { readonly key: string; readonly message: string }[]
}

export interface ExportOptions extends RunOptions {
  /** Start none; store those that the provider has and no destination does. Default: false. */
  readonly existing?: boolean | undefined
  /** Store it in the destinations. Default: true. */
  readonly mirror?: boolean | undefined
  /** How long to wait for it. Default: the provider's. */
  readonly timeoutMs?: number | undefined
}

/** What became of the provider's exports. */
export interface ExportResult {
  readonly product: string
  readonly exports: readonly {
    readonly backup: ProviderBackup
    /** Where it is stored now; null where it was not stored by this call. */
    readonly mirrored: BackupResult | null
    /** Why it was not stored by this call. */
    readonly skipped: string | null
  }[]
}

export interface RehearsalOptions extends RunOptions {
  /** The instant. Default: the newest that the provider can go back to. */
  readonly at?: Date | undefined
  /** How long to follow the recovery. Default: the provider's. */
  readonly timeoutMs?: number | undefined
}

/** What a rehearsed recovery showed; the instance is gone again. */
export interface RehearsalResult {
  readonly product: string
  readonly plan: RecoveryPlan
  /** The provider's id of what was made and removed. */
  readonly instance: string | null
  /** From the order until the instance could be used. */
  readonly recoveryMs: number
  /** The critical tables, counted in the recovered instance. */
  readonly tables: readonly { readonly schema: string; readonly name: string; readonly rows: number }[]
  readonly notes: readonly string[]
  /** With the counts and the removal. */
  readonly durationMs: number
}

/** One line of `doctor`. */
export interface DoctorCheck {
  readonly product: string | null
  /** `tools`, `connection`, `store`, `keys`. */
  readonly area: string
  readonly ok: boolean
  readonly message: string
  readonly hint: string | null
}

/** The toolkit, opened on one configuration. */
export interface Lifeboat {
  readonly products: readonly string[]
  /** The names of a product's destinations, in configured order. */
  destinations(product: string): readonly string[]
  backup(product: string, options?: BackupOptions): Promise<BackupResult>
  list(product?: string, options?: RunOptions & SelectOptions): Promise<ListResult>
  show(backup: BackupName, options?: RunOptions & SelectOptions): Promise<ListedBackup>
  verify(backup: BackupName, options?: VerifyOptions): Promise<VerificationReport>
  /** Every recorded verification and drill of a product (default: all), newest first. */
  history(product?: string, options?: HistoryOptions): Promise<readonly ProofRecord[]>
  /** What a person wants to know of the products, of the last 90 days; `@lifeboat/core/report` makes a page of it. */
  report(options?: RunOptions & { readonly products?: readonly string[] | undefined }): Promise<ReportModel>
  /** What a backup holds, read from the front of its artifact. */
  contents(backup: BackupName, options?: ContentsOptions): Promise<BackupContents>
  /** Restores into a scratch database, checks and compares it there, and removes it. */
  drill(backup: BackupName, options?: DrillOptions): Promise<DrillReport>
  /** What differs between the definitions in a backup and those of the live database. */
  diff(backup: BackupName, options?: RunOptions & SelectOptions): Promise<SchemaDiff>
  /** Makes the table `backup_verification_log` where the product's `verify.log` says, if it is not there. */
  migrateLog(product: string, options?: RunOptions): Promise<{ readonly product: string; readonly database: string }>
  planRestore(backup: BackupName, options: RestoreOptions): Promise<RestorePlan>
  restore(backup: BackupName, options: RestoreOptions): Promise<RestoreResult>
  /** One result per destination of the product. */
  prune(product: string, options?: PruneOptions): Promise<readonly PruneResult[]>
  /** One result per destination of the product. `prune` does it, too. */
  sweep(product: string, options?: PruneOptions): Promise<readonly SweepResult[]>
  /** Has the provider make an export and stores it like a dump. @throws BackupError `provider-lacks` and others */
  export(product: string, options?: ExportOptions): Promise<ExportResult>
  /**
   * Rehearses the provider's point-in-time recovery: into a new instance, its critical tables counted there, and the
   * instance removed again whatever happens.
   */
  rehearse(product: string, options?: RehearsalOptions): Promise<RehearsalResult>
  /** Pauses the services that write to the product's database, until `resume`. */
  pause(product: string, options?: RunOptions): Promise<PauseResult>
  /** Resumes them. @throws BackupError `locked` while a restore that paused them is under way */
  resume(product: string, options?: RunOptions): Promise<PauseResult>
  /** The provider's own backups and recovery window. @throws BackupError `provider-lacks` without a provider */
  providerBackups(product: string, options?: RunOptions): Promise<ProviderListing>
  /** The instants that the provider can go back to. @throws BackupError `provider-lacks` */
  recoveryWindow(product: string, options?: RunOptions): Promise<RecoveryWindow>
  /** What the provider's own recovery would do; sends nothing. @throws BackupError `outside-window`, `backup-missing` */
  planRecovery(product: string, goal: RecoveryGoal, options?: RunOptions): Promise<RecoveryPlan>
  /** Sends a plan once and follows it to its end. @throws BackupError `locked`, `recovery-failed`, `recovery-uncertain` */
  recover(product: string, plan: RecoveryPlan, options?: FollowOptions): Promise<Recovered>
  /** Follows the recovery that an earlier run began; undefined when there is none. Sends nothing. */
  resumeRecovery(product: string, options?: FollowOptions): Promise<Recovered | undefined>
  /** Removes the note of a recovery of which nobody knows any more. True when there was one. */
  forgetRecovery(product: string, options?: RunOptions): Promise<boolean>
  /** Encrypts the platform's secret (Supabase: the Vault root key) and stores it in every destination. */
  keepSecret(product: string, options?: RunOptions): Promise<KeptSecret>
  /** Puts the newest one that is kept, or that of a key, back at the provider. */
  putSecretBack(product: string, options?: RunOptions & { readonly key?: string | undefined }): Promise<KeptSecret>
  /** For each kind of loss what could be recovered now: from listings and records, without opening a backup. */
  timeline(product: string, options?: RunOptions): Promise<Timeline>
  doctor(product?: string, options?: RunOptions): Promise<readonly DoctorCheck[]>
}
