import type { PauseResult } from '../maintenance/pause-services.js'
import type {
  FollowOptions,
  ProviderBackup,
  Recovered,
  RecoveryPlan,
  RecoveryWindow,
  RestorePoint,
} from '../provider/backup-provider.js'
import type { KeptSecret } from '../provider/keep-secret.js'
import type { ProviderListing, RecoveryGoal } from '../provider/recover-product.js'
import type { BackupResult } from './backups.js'
import type { RunOptions } from './run-options.js'

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

/** What is done with the provider's own backups and services. */
export interface ProviderOperations {
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
  /** Names the present moment at the provider, and waits until one can go back to it. @throws BackupError `provider-lacks` */
  makeRestorePoint(product: string, name: string, options?: FollowOptions): Promise<RestorePoint>
  /** The restore point of that name, or the newest. @throws BackupError `backup-missing`, `provider-lacks` */
  restorePoint(product: string, options?: RunOptions & { readonly name?: string | undefined }): Promise<RestorePoint>
  /** Encrypts the platform's secret (Supabase: the Vault root key) and stores it in every destination. */
  keepSecret(product: string, options?: RunOptions): Promise<KeptSecret>
  /** Puts the newest one that is kept, or that of a key, back at the provider. */
  putSecretBack(product: string, options?: RunOptions & { readonly key?: string | undefined }): Promise<KeptSecret>
}
