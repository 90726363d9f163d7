import type { BackupName, RetrieveBackupOptions, RunOptions, SelectOptions } from './run-options.js'

export interface FilesRestoreOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** Where the files go: a folder that is new or empty. Several bundles go into folders of their names below it. */
  readonly toFolder: string
  /** Only these bundles, as the configuration calls them. Default: all. */
  readonly bundles?: readonly string[] | undefined
  /** Only what these globs name (`config/**`); a folder that one names is taken with all that is in it. Default: everything. */
  readonly paths?: readonly string[] | undefined
  /** Allow a folder that is not empty, and replace files and links that are there. Default: false. */
  readonly overwrite?: boolean | undefined
  /** Keep the set-user-id, set-group-id and sticky bits. Default: false, they are dropped. */
  readonly specialBits?: boolean | undefined
  /** As in a restore of the database. Default: false. */
  readonly allowUnsealed?: boolean | undefined
  /** Keep what was written although the restore failed. Default: false, a folder that was new or empty is so again. */
  readonly keepFailed?: boolean | undefined
}

/** A bundle that a restore would unpack. */
export interface PlannedFiles {
  readonly name: string
  /** Where it goes. */
  readonly folder: string
  /** What the whole bundle holds, by the manifest. */
  readonly files: number
  readonly folders: number
  readonly links: number
  readonly bytes: number
}

export interface FilesRestorePlan {
  readonly product: string
  readonly id: string
  readonly destination: string
  readonly createdAt: string
  readonly folder: string
  /** Whether the folder is made. */
  readonly create: boolean
  readonly overwrite: boolean
  readonly bundles: readonly PlannedFiles[]
  /** Null: everything. */
  readonly paths: readonly string[] | null
  readonly warnings: readonly string[]
}

/** What was written of a bundle, each file read again once it was. */
export interface RestoredFiles {
  readonly name: string
  readonly folder: string
  readonly files: number
  readonly folders: number
  readonly links: number
  readonly bytes: number
}

export interface FilesRestoreResult {
  readonly plan: FilesRestorePlan
  readonly restored: readonly RestoredFiles[]
  readonly durationMs: number
}

/** One entry of a bundle. */
export interface ListedFile {
  readonly bundle: string
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  /** As text; what of a name is not UTF-8 shows as U+FFFD. */
  readonly name: string
  readonly sizeBytes: number
  /** Permissions, in octal: `640`. */
  readonly mode: string
  readonly modifiedAt: string
  /** Of a link: what it says. Null for others. */
  readonly target: string | null
}

/** What brings the files of a backup back. */
export interface FilesRestoreOperations {
  /** The entries of the bundles of a backup, read from their artifacts to the end. */
  files(
    backup: BackupName,
    options?: RunOptions & SelectOptions & RetrieveBackupOptions & Pick<FilesRestoreOptions, 'bundles' | 'paths'>,
  ): Promise<readonly ListedFile[]>
  planFilesRestore(backup: BackupName, options: FilesRestoreOptions): Promise<FilesRestorePlan>
  restoreFiles(backup: BackupName, options: FilesRestoreOptions): Promise<FilesRestoreResult>
}
