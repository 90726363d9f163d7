import type { BackupEvent } from '../events/backup-event.js'

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

export interface SelectOptions {
  /** Only look in this destination. Default: the first (in configured order) that has the backup. */
  readonly destination?: string | undefined
}
