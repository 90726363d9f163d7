import type { RestoreEstimate } from '../drill/estimate-restore.js'
import type { ReportModel } from '../report/report-model.js'
import type { Check, DrillRecord, ProofRecord } from '../repository/record-schema.js'
import type { Timeline } from '../timeline/timeline.js'
import type { BackupName, RetrieveBackupOptions, RunOptions, SelectOptions } from './run-options.js'

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
 * Without `retrieve`, what lies in an archive is not read: the verification is then one at `listed`, with a warning that
 * says so.
 */
export interface VerifyOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** Default: `content`. `restored` is a drill. */
  readonly level?: VerificationLevel | undefined
  /** Look at the live database, too. Needs the address of the product's source. Default: false. */
  readonly live?: boolean | undefined
}

export interface DrillOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
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

export interface HistoryOptions extends RunOptions, SelectOptions {
  /** Nothing older than this. Default: everything that is recorded. */
  readonly since?: Date | undefined
}

/** What tells whether backups can be restored, and keeps record of it. */
export interface VerificationOperations {
  verify(backup: BackupName, options?: VerifyOptions): Promise<VerificationReport>
  /** Restores into a scratch database, checks and compares it there, and removes it. */
  drill(backup: BackupName, options?: DrillOptions): Promise<DrillReport>
  /** What differs between the definitions in a backup and those of the live database. */
  diff(backup: BackupName, options?: RunOptions & SelectOptions & RetrieveBackupOptions): Promise<SchemaDiff>
  /** Every recorded verification and drill of a product (default: all), newest first. */
  history(product?: string, options?: HistoryOptions): Promise<readonly ProofRecord[]>
  /** What a person wants to know of the products, of the last 90 days; `@lifeboat/core/report` makes a page of it. */
  report(options?: RunOptions & { readonly products?: readonly string[] | undefined }): Promise<ReportModel>
  /** For each kind of loss what could be recovered now: from listings and records, without opening a backup. */
  timeline(product: string, options?: RunOptions): Promise<Timeline>
  /** Makes the table `backup_verification_log` where the product's `verify.log` says, if it is not there. */
  migrateLog(product: string, options?: RunOptions): Promise<{ readonly product: string; readonly database: string }>
}
