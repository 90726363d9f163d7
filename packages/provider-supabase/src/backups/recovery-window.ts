import type { RecoveryWindow } from '@lifeboat/core'
import type { BackupsAnswer } from '../api/answers.js'

/**
 * The instants a project can go back to. `walg_enabled` says nothing about it; with the add-on the list of daily backups
 * may be empty, and the window is all there is. https://supabase.com/docs/guides/platform/backups
 */
export function recoveryWindow({ pitr_enabled, physical_backup_data: ends }: BackupsAnswer): RecoveryWindow {
  if (!pitr_enabled) {
    return {
      status: 'unavailable',
      earliest: null,
      latest: null,
      notes: ['the project does not have the add-on for point-in-time recovery'],
    }
  }
  const earliest = ends.earliest_physical_backup_date_unix
  const latest = ends.latest_physical_backup_date_unix
  if (earliest == null || latest == null || latest < earliest) {
    return { status: 'preparing', earliest: null, latest: null, notes: ['the first base backup is not there yet'] }
  }
  return {
    status: 'available',
    earliest: fromUnix(earliest),
    latest: fromUnix(latest),
    notes: ['the end moves with what is written: it stands still while nobody writes'],
  }
}

export function fromUnix(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
