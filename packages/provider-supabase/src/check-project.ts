import type { Checking, Finding } from '@lifeboat/core'
import { isBackupError } from '@lifeboat/core'
import { type HttpDeps, readStatusPage } from '@lifeboat/core/http'
import type { ManagementApi } from './api/management-api.js'
import { describeBackup } from './backups/describe-backup.js'
import { judgeAge } from './backups/judge-age.js'
import { recoveryWindow } from './backups/recovery-window.js'
import type { SupabaseSettings } from './supabase-options.js'

/** What stands against relying on a project's own backups, or against restoring into it. */
export function checkingProject(place: {
  readonly api: ManagementApi
  readonly settings: SupabaseSettings
  readonly deps: HttpDeps
}): Checking {
  const { api, settings, deps } = place
  return {
    async check({ signal, rpoMs } = {}) {
      signal?.throwIfAborted()
      // The page is advice: it is asked beside the rest and never waited for longer than its own short limit.
      const page = settings.statusUrl === null ? undefined : readStatusPage(settings.statusUrl, { signal, deps })
      // Met where its findings are read; until then it must not count as unhandled.
      page?.catch(() => {})
      const project = await api.project(signal)
      const backups = await api.backups(signal)
      const described = backups.backups.map(one => describeBackup(one, null))
      return [
        ...judgeStatus(project.status),
        ...(await readOnlyFindings()),
        ...judgeAge(described, recoveryWindow(backups), { rpoMs, now: new Date(deps.now()) }),
        ...(await adviceFindings()),
      ]

      async function readOnlyFindings(): Promise<Finding[]> {
        let state: Awaited<ReturnType<typeof api.readOnly>>
        try {
          state = await api.readOnly(signal)
        } catch (error) {
          signal?.throwIfAborted()
          if (!isBackupError(error)) throw error
          const { message, hint = null } = error
          return [{ severity: 'warning', code: 'provider-state-unknown', message, hint }]
        }
        if (!state.enabled) return []
        if (state.override_enabled) {
          const until = state.override_active_until ? ` until ${state.override_active_until}` : ''
          return [
            finding(
              'warning',
              'project-read-only',
              `the project is read-only, which is lifted${until}`,
              'its disk is full: make room or a larger disk before then',
            ),
          ]
        }
        return [
          finding(
            'critical',
            'project-read-only',
            'the project is read-only: its disk is full, and a restore into it would fail',
            'make the disk larger in the dashboard, or lift the read-only mode for 15 minutes and delete something',
          ),
        ]
      }

      async function adviceFindings(): Promise<Finding[]> {
        const advice = await page
        if (advice === undefined || advice.indicator === 'none') return []
        const incidents = advice.incidents.length > 0 ? `: ${advice.incidents.join('; ')}` : ''
        return [
          finding(
            'info',
            'provider-status',
            `Supabase's status page says ${advice.indicator}, ${advice.description}${incidents}`,
            settings.statusUrl,
          ),
        ]
      }
    },
  }
}

function judgeStatus(status: string): Finding[] {
  if (status === 'ACTIVE_HEALTHY') return []
  const [message, hint] =
    status === 'INACTIVE'
      ? ['the project is paused', 'un-pause it in the dashboard; after 90 days that is not possible any more']
      : status === 'RESTORING'
        ? ['a restore of the project is under way', '`lifeboat pitr restore PRODUCT --resume` follows one of ours']
        : [`the project is ${status}`, 'see the project in the dashboard']
  return [finding(status === 'RESTORING' ? 'warning' : 'critical', 'project-not-healthy', message!, hint!)]
}

function finding(severity: Finding['severity'], code: string, message: string, hint: string | null): Finding {
  return { severity, code, message, hint }
}
