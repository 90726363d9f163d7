import type { Manifest } from '../repository/manifest.js'
import type { BackupName, RunOptions, SelectOptions } from './run-options.js'

export interface BackupOptions extends RunOptions {
  /** Why this backup is made. Default: `manual`. */
  readonly reason?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Exactly these destinations, due or not. Default: all that are due. */
  readonly to?: readonly string[] | undefined
}

export interface DestinationOutcome {
  readonly destination: string
  readonly location: string
  /** `not-due`: by its schedule it has a backup of this period already, and was passed over. */
  readonly outcome: 'stored' | 'failed' | 'not-due'
  /** Set when it is not due: the backup that it has, and when it takes the next. */
  readonly turn?: { readonly has: string; readonly next: string } | undefined
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

/** A part of a backup. */
export interface Included {
  /** `database`, `roles`, `files: config`. */
  readonly what: string
  /** How much of it, for people; null where nobody counted. */
  readonly detail: string | null
}

/** Something that a restore does not bring back. */
export interface NotIncluded {
  readonly what: string
  readonly why: string
}

/** A backup with what is in it and what is not. */
export interface ShownBackup extends ListedBackup {
  readonly included: readonly Included[]
  /** By nature, and by the product's configuration of today. */
  readonly notIncluded: readonly NotIncluded[]
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

/** What makes backups and finds them. */
export interface BackupOperations {
  backup(product: string, options?: BackupOptions): Promise<BackupResult>
  list(product?: string, options?: RunOptions & SelectOptions): Promise<ListResult>
  show(backup: BackupName, options?: RunOptions & SelectOptions): Promise<ShownBackup>
}
