import type { Finding, ProviderBackup, RecoveryWindow } from '@lifeboat/core'

/**
 * Whether the provider's own backups meet an objective for the age of data. With point-in-time recovery the end of the
 * window counts, not the list of backups, which may be empty then; and since an idle database moves no end, an old one is
 * a warning there.
 */
export function judgeAge(
  backups: readonly ProviderBackup[],
  window: RecoveryWindow,
  objective: { readonly rpoMs: number | undefined; readonly now: Date },
): Finding[] {
  const { rpoMs, now } = objective
  if (window.latest !== null) {
    const age = now.getTime() - Date.parse(window.latest)
    if (rpoMs === undefined || age <= rpoMs) return []
    return [
      {
        severity: 'warning',
        code: 'provider-window-old',
        message: `the recovery window ends ${hours(age)} ago, which is more than the objective of ${hours(rpoMs)}`,
        hint: 'nothing, if nobody wrote since; else the log archive is stuck: ask the provider',
      },
    ]
  }
  const newest = backups
    .filter(one => one.status === 'complete' && one.createdAt !== null)
    .map(one => Date.parse(one.createdAt!))
    .reduce((latest, one) => Math.max(latest, one), Number.NEGATIVE_INFINITY)
  if (newest === Number.NEGATIVE_INFINITY) {
    return [
      {
        severity: rpoMs === undefined ? 'warning' : 'critical',
        code: 'provider-backup-missing',
        message: 'the provider has no backup that could be restored',
        hint: 'a new project has its first one within a day; the Free plan gives none to restore: `lifeboat backup` works with every plan',
      },
    ]
  }
  const age = now.getTime() - newest
  if (rpoMs === undefined || age <= rpoMs) return []
  return [
    {
      severity: 'critical',
      code: 'provider-backup-too-old',
      message: `the provider's newest complete backup is ${hours(age)} old, which is more than the objective of ${hours(rpoMs)}`,
      hint: 'see the state of the backups in the dashboard; point-in-time recovery brings it down to minutes',
    },
  ]
}

function hours(ms: number): string {
  return ms < 3600_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3600_000).toFixed(1)} h`
}
