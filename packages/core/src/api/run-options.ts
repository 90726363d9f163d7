import type { BackupEvent } from '../events/backup-event.js'
import type { Retrieval } from '../retrieval/retrieve-backup.js'

/** Options that every long operation takes. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: ((event: BackupEvent) => void) | undefined
}

/**
 * How a backup is named: `latest`, `PRODUCT/latest`, an id, `PRODUCT/ID`, or the path or `s3://` address of a
 * backup's folder, manifest or artifact.
 */
export type BackupName = string

export interface RetrieveBackupOptions {
  /**
   * Bring the backup back where it lies in an archive, which costs money and takes hours. Default: not; reading it then
   * fails as `object-archived`.
   */
  readonly retrieve?: Retrieval | undefined
}

export interface SelectOptions {
  /** Only look in this destination. Default: the first (in configured order) that has the backup. */
  readonly destination?: string | undefined
}
