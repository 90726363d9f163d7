import type { Manifest } from '../repository/manifest.js'
import type { BackupName, RetrieveBackupOptions, RunOptions } from './run-options.js'

export interface CopyOptions extends RunOptions, RetrieveBackupOptions {
  /** The destination that gets it. */
  readonly to: string
  /** The destination it is read from. Default: the first (in configured order) that has it, other than `to`. */
  readonly from?: string | undefined
}

/** What became of one copy. Rejects instead when the destination does not have the backup. */
export interface CopyResult {
  readonly product: string
  readonly id: string
  /** Where it was read: a destination, or a place. */
  readonly from: string
  readonly to: string
  readonly location: string
  /** `present`: the destination had all of this very backup already, and nothing was written. */
  readonly outcome: 'copied' | 'present'
  readonly manifest: Manifest
  /** Sum over the artifacts, in bytes, as they lie in the destination. */
  readonly storedBytes: number
  readonly durationMs: number
}

/** What brings backups from one destination to another. */
export interface CopyOperations {
  /**
   * Copies a backup into another destination of its product, as it lies: nothing is decrypted, so no key is needed. Every
   * byte is compared with the hash in the manifest on its way; the manifest is written last, and never over another.
   * @throws BackupError `object-damaged`, `object-exists`, `locked`, and what stores throw; then the destination has
   * nothing of it
   */
  copy(backup: BackupName, options: CopyOptions): Promise<CopyResult>
}
