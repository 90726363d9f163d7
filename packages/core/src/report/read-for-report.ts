import { isBackupError } from '../errors/backup-error.js'
import type { ListedBackup, RunOptions, Unreadable } from '../lifeboat-api.js'
import { listBackups } from '../repository/list-backups.js'
import { readHistory } from '../repository/read-history.js'
import type { ProofRecord } from '../repository/record-schema.js'
import type { ObjectStore } from '../store/object-store.js'
import type { StoredBackups } from './compose-report.js'

/** Reads what a report is made of. A destination that does not answer is a part of the report, not its end. */
export async function readForReport(
  places: readonly { readonly product: string; readonly destination: string; readonly store: ObjectStore }[],
  options: RunOptions,
): Promise<StoredBackups & { readonly records: readonly ProofRecord[] }> {
  const backups: ListedBackup[] = []
  const unreadable: Unreadable[] = []
  const records: ProofRecord[] = []
  const unreachable: { product: string; destination: string; message: string }[] = []
  for (const { product, destination, store } of places) {
    try {
      const listed = await listBackups(store, { product, destination }, options.signal)
      backups.push(...listed.backups)
      unreadable.push(...listed.unreadable)
      records.push(...(await readHistory([{ product, destination, store }], options)))
    } catch (error) {
      if (!isBackupError(error) || !/^(store-|timed-out)/.test(error.code)) throw error
      unreachable.push({ product, destination, message: error.message })
    }
  }
  return { backups, unreadable, unreachable, records }
}
