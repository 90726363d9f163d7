import { type BackupSchedule, isBackupError } from '@lifeboat/core'
import type { ManagementApi } from '../api/management-api.js'

/**
 * For how many days the organisation's plan keeps daily backups; null where the token may not ask or it is not said. By
 * the organisation's entitlements, which also know what was agreed beside the plan.
 */
export async function readRetentionDays(api: ManagementApi, signal: AbortSignal | undefined): Promise<number | null> {
  try {
    const { organization_slug } = await api.project(signal)
    if (organization_slug === '') return null
    const { entitlements } = await api.entitlements(organization_slug, signal)
    const found = entitlements.find(one => one.feature.key === 'backup.retention_days')
    const days = found?.hasAccess ? found.config.value : undefined
    return typeof days === 'number' && days > 0 && days < 36_500 ? days : null
  } catch (error) {
    signal?.throwIfAborted()
    // A listing says when backups end where it can; it is complete without.
    if (isBackupError(error)) return null
    throw error
  }
}

/** Undefined where the plan does not show it (402) or there is none (404). */
export async function readSchedule(
  api: ManagementApi,
  signal: AbortSignal | undefined,
): Promise<BackupSchedule | undefined> {
  try {
    return { timeOfDay: (await api.schedule(signal)).schedule_for }
  } catch (error) {
    if (isBackupError(error, 'provider-plan') || isBackupError(error, 'provider-not-found')) return undefined
    throw error
  }
}
