import type { ListedBackup, Unreadable } from '../api/backups.js'
import type { RunOptions } from '../api/run-options.js'
import { isBackupError } from '../errors/backup-error.js'
import { listBackups } from '../repository/list-backups.js'
import type { HistoryPlace } from '../repository/read-history.js'
import type { ProofRecord } from '../repository/record-schema.js'
import { readCounted } from '../repository/verification-record.js'
import type { StoredBackups } from './compose-report.js'

/** Reads what a report is made of. A destination that does not answer is a part of the report, not its end. */
export async function readForReport(
  places: readonly HistoryPlace[],
  options: RunOptions,
): Promise<StoredBackups & { readonly records: readonly ProofRecord[] }> {
  const backups: ListedBackup[] = []
  const unreadable: Unreadable[] = []
  const records: ProofRecord[] = []
  const unreachable: { product: string; destination: string; message: string }[] = []
  const refused: { product: string; destination: string; records: number }[] = []
  for (const { product, destination, store, keys } of places) {
    try {
      const listed = await listBackups(store, { product, destination }, options.signal)
      backups.push(...listed.backups)
      unreadable.push(...listed.unreadable)
      const counted = await readCounted(store, { product, destination }, keys, options.signal)
      records.push(...counted.records)
      if (counted.refused > 0) refused.push({ product, destination, records: counted.refused })
    } catch (error) {
      if (!isBackupError(error) || !/^(store-|timed-out)/.test(error.code)) throw error
      unreachable.push({ product, destination, message: error.message })
    }
  }
  return { backups, unreadable, unreachable, refused, records }
}
