import type { BackupName, RetrieveBackupOptions, RunOptions, SelectOptions } from './run-options.js'

export interface RolesRestoreOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** A `postgres://` address of any database on the target server. */
  readonly to: string
  /** As in a restore of the database. Default: false. */
  readonly allowUnsealed?: boolean | undefined
}

/** A statement of the backup's roles. */
export interface PlannedRoleStatement {
  /** As it would run; what a setting is set to is not shown. */
  readonly sql: string
  /** Why it is left out; null: it runs. */
  readonly skipped: string | null
}

export interface RolesRestorePlan {
  readonly product: string
  readonly id: string
  readonly destination: string
  readonly createdAt: string
  /** `host:port/database`, never a password. */
  readonly target: string
  /** Roles that the target does not have. Those that it has stay as they are. */
  readonly creates: readonly string[]
  readonly statements: readonly PlannedRoleStatement[]
  readonly warnings: readonly string[]
}

export interface RolesRestoreResult {
  readonly plan: RolesRestorePlan
  readonly durationMs: number
}

/** What brings the roles of a backup back. */
export interface RolesRestoreOperations {
  planRolesRestore(backup: BackupName, options: RolesRestoreOptions): Promise<RolesRestorePlan>
  /** Makes the roles that the target lacks, in one transaction. They have no passwords. */
  restoreRoles(backup: BackupName, options: RolesRestoreOptions): Promise<RolesRestoreResult>
}
