import { callFor, type HttpApi, type HttpCall } from '@lifeboat/core/http'
import type { z } from 'zod'
import {
  backupsAnswer,
  bansAnswer,
  downloadAnswer,
  entitlementsAnswer,
  healthAnswer,
  loginRoleAnswer,
  poolersAnswer,
  projectAnswer,
  readOnlyAnswer,
  restorePointAnswer,
  rootKeyAnswer,
  rowsAnswer,
  scheduleAnswer,
} from './answers.js'
import type { components, paths } from './generated/supabase-api.js'

type Body<Name extends keyof components['schemas']> = components['schemas'][Name]
type Signal = AbortSignal | undefined
type Service = NonNullable<paths['/v1/projects/{ref}/health']['get']['parameters']['query']>['services'][number]

/** Services whose health a recovery asks for. */
export const watchedServices: readonly Service[] = ['db', 'pooler', 'auth', 'rest', 'storage', 'realtime']

export type ManagementApi = ReturnType<typeof managementApi>

/**
 * The operations of Supabase's Management API that backups need, for one project. Requests are typed by its OpenAPI
 * document; answers are read leniently.
 *
 * Mind the names: `POST /restore` un-pauses a paused project; what restores a backup lies below `/database/backups`.
 */
export function managementApi(http: HttpApi, ref: string) {
  const at = <P extends keyof paths>(path: P): string => path.replace('{ref}', encodeURIComponent(ref))
  const get = <T>(schema: z.ZodType<T>, path: string, signal: Signal, more: Partial<HttpCall> = {}) =>
    callFor(http, schema, { method: 'GET', path, signal, ...more })

  return {
    project: (signal: Signal) => get(projectAnswer, at('/v1/projects/{ref}'), signal),
    backups: (signal: Signal) => get(backupsAnswer, at('/v1/projects/{ref}/database/backups'), signal),
    schedule: (signal: Signal) => get(scheduleAnswer, at('/v1/projects/{ref}/database/backups/schedule'), signal),
    readOnly: (signal: Signal) => get(readOnlyAnswer, at('/v1/projects/{ref}/readonly'), signal),
    poolers: (signal: Signal) => get(poolersAnswer, at('/v1/projects/{ref}/config/database/pooler'), signal),
    rootKey: (signal: Signal) => get(rootKeyAnswer, at('/v1/projects/{ref}/pgsodium'), signal),
    entitlements: (slug: string, signal: Signal) =>
      get(entitlementsAnswer, `/v1/organizations/${encodeURIComponent(slug)}/entitlements`, signal),
    health: (signal: Signal) =>
      get(healthAnswer, at('/v1/projects/{ref}/health'), signal, {
        query: { services: watchedServices, timeout_ms: 5000 },
      }),
    restorePoint: (name: string | undefined, signal: Signal) =>
      get(restorePointAnswer, at('/v1/projects/{ref}/database/backups/restore-point'), signal, { query: { name } }),

    async restorePitr(body: Body<'V1RestorePitrBody'>, signal: Signal): Promise<void> {
      const path = at('/v1/projects/{ref}/database/backups/restore-pitr')
      await http.call({ method: 'POST', path, body, idempotent: false, signal })
    },
    async restorePhysical(body: Body<'V1RestoreBackupBody'>, signal: Signal): Promise<void> {
      const path = at('/v1/projects/{ref}/database/backups/restore')
      await http.call({ method: 'POST', path, body, idempotent: false, signal })
    },
    async undo(body: Body<'V1UndoBody'>, signal: Signal): Promise<void> {
      const path = at('/v1/projects/{ref}/database/backups/undo')
      await http.call({ method: 'POST', path, body, idempotent: false, signal })
    },
    createRestorePoint: (body: Body<'V1RestorePointPostBody'>, signal: Signal) =>
      callFor(http, restorePointAnswer, {
        ...{ method: 'POST', path: at('/v1/projects/{ref}/database/backups/restore-point'), body, signal },
      }),
    putRootKey: (body: Body<'UpdatePgsodiumConfigBody'>, signal: Signal) =>
      callFor(http, rootKeyAnswer, { method: 'PUT', path: at('/v1/projects/{ref}/pgsodium'), body, signal }),
    createLoginRole: (body: Body<'CreateRoleBody'>, signal: Signal) =>
      // Another role made by a repetition expires by itself.
      callFor(http, loginRoleAnswer, {
        ...{ method: 'POST', path: at('/v1/projects/{ref}/cli/login-role'), body, idempotent: true, signal },
      }),
    networkBans: (signal: Signal) =>
      callFor(http, bansAnswer, {
        ...{ method: 'POST', path: at('/v1/projects/{ref}/network-bans/retrieve'), idempotent: true, signal },
      }),
    /** At most 60 s at the API: for questions about the server, never for data. */
    ask: (body: Body<'V1ReadOnlyQueryBody'>, signal: Signal) =>
      callFor(http, rowsAnswer, {
        ...{ method: 'POST', path: at('/v1/projects/{ref}/database/query/read-only'), body, idempotent: true, signal },
      }),
    async downloadUrl(id: number, signal: Signal): Promise<string> {
      const body: Body<'V2DownloadProjectBackupBody'> = { data: { type: 'project_backup_file_url', id } }
      const path = at('/v2/projects/{ref}/backups/download')
      const answer = await callFor(http, downloadAnswer, { method: 'POST', path, body, idempotent: true, signal })
      return answer.data.attributes.file_url
    },
  }
}
