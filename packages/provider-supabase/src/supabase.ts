import { type BackupProvider, type BackupSchedule, isBackupError, type RestorePoints } from '@lifeboat/core'
import { type HttpDeps, httpApi, nodeHttpDeps } from '@lifeboat/core/http'
import { explainRefusal } from './api/explain-refusal.js'
import { managementApi } from './api/management-api.js'
import { describeBackup } from './backups/describe-backup.js'
import { openBackup } from './backups/open-backup.js'
import { readRetentionDays, readSchedule } from './backups/retention.js'
import { checkingProject } from './check-project.js'
import { connecting } from './connection/connecting.js'
import { type Reach, reachByTcp } from './connection/reach.js'
import { pointInTime } from './recovery/point-in-time.js'
import { restorePoints } from './recovery/restore-points.js'
import { restoring } from './recovery/restoring.js'
import { type SupabaseOptions, settleOptions, tokenShape } from './supabase-options.js'
import { rootKey } from './vault/root-key.js'

/** A Supabase project, with what not every provider has. */
export interface SupabaseProvider extends BackupProvider {
  /** When its daily backup is made; undefined where the plan does not show it. */
  schedule(options?: { readonly signal?: AbortSignal | undefined }): Promise<BackupSchedule | undefined>
  readonly restorePoints: RestorePoints
}

/**
 * A Supabase project as a provider: its daily backups, point-in-time recovery and restore points, all of which replace
 * the live database. Making it is free: no network, no token read, before the first call.
 *
 * The token needs the scopes `projects:read` and `database:read`; to recover also `database:write`.
 * @throws BackupError `config-invalid`
 */
export function supabase(options: SupabaseOptions & { readonly reach?: Reach | undefined }): SupabaseProvider {
  const settings = settleOptions(options)
  const deps: HttpDeps = { ...nodeHttpDeps(), ...settings.deps }
  const http = httpApi({
    service: 'Supabase',
    baseUrl: settings.apiUrl,
    token: settings.accessToken,
    secretShapes: [tokenShape],
    explain: explainRefusal,
    deps,
  })
  const api = managementApi(http, settings.ref)
  const place = { api, settings, deps }

  return {
    name: 'supabase',
    location: `project ${settings.ref}`,

    async *list({ signal } = {}) {
      signal?.throwIfAborted()
      const { backups } = await api.backups(signal)
      const days = backups.length === 0 ? null : await readRetentionDays(api, signal)
      for (const backup of backups) {
        signal?.throwIfAborted()
        yield describeBackup(backup, days)
      }
    },

    classify: error => (isBackupError(error) ? error.code : undefined),
    opening: { open: (id, { signal } = {}) => openBackup(api, deps.fetch, id, signal) },
    restoring: restoring(place),
    pointInTime: pointInTime(place),
    checking: checkingProject(place),
    connecting: connecting({ ...place, reach: options.reach ?? reachByTcp }),
    async promises({ signal } = {}) {
      signal?.throwIfAborted()
      const { region } = await api.project(signal)
      return {
        // Deleting a project deletes its backups: https://supabase.com/docs/guides/platform/backups
        survivesDeletion: false,
        region: region === '' ? null : region,
        credential: 'an access token of the Supabase account, with database:write',
        expected: { pointInTime: 'minutes to hours, by size', backup: 'minutes to hours, by size' },
      }
    },
    restorePoints: restorePoints(place),
    keeping: rootKey(api),

    async schedule({ signal } = {}) {
      signal?.throwIfAborted()
      return readSchedule(api, signal)
    },
  }
}
