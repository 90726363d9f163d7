import { readFileSync } from 'node:fs'
import { secret } from '@lifeboat/core'
import type { HttpDeps } from '@lifeboat/core/http'
import { type ApiAnswer, type OpenApiServer, startOpenApiServer } from '@lifeboat/testkit/openapi-server'
import type { components } from '../api/generated/supabase-api.js'
import { type SupabaseProvider, supabase } from '../supabase.js'
import type { SupabaseOptions } from '../supabase-options.js'

type Schemas = components['schemas']

const document = JSON.parse(readFileSync(new URL('../../openapi/supabase.json', import.meta.url), 'utf8')) as object

export const ref = 'abcdefghijklmnopqrst'
export const token = 'sbp_0123456789abcdef0123456789abcdef01234567'
export const fileSecret = 'signature-of-the-download'
export const loginPassword = 'p@ss/word-of-the-role'
export const startMs = Date.parse('2026-11-21T12:00:00Z')

/** What a project is like; a test changes it as it goes. */
export interface ProjectState {
  /** The status while no restore is under way. */
  resting: Schemas['V1ProjectWithDatabaseResponse']['status']
  pitr: boolean
  window: { earliest: number; latest: number } | undefined
  backups: Schemas['V1BackupsResponse']['backups']
  retentionDays: number | undefined
  readOnly: Schemas['ReadOnlyStatusResponse']
  rootKey: string
  points: Map<string, Schemas['V1RestorePointResponse']['status']>
  poolerHost: string
  bans: string[]
  schedule: ApiAnswer
  services: Record<string, Schemas['V1ServiceHealthResponse']['status']>
  /** Until the status shows a restore, and until it has ended; in ms of the test's clock. */
  lagMs: number
  restoreMs: number
  endsIn: 'ACTIVE_HEALTHY' | 'RESTORE_FAILED'
  /** Whether the server tells its timeline and when it started. */
  tells: boolean
}

/** A restore that the project accepted. */
export interface AcceptedRestore {
  readonly what: string
  readonly atMs: number
}

export interface FakeSupabase {
  readonly server: OpenApiServer
  readonly state: ProjectState
  readonly restores: readonly AcceptedRestore[]
  /** The clock that the provider and the project share; sleeping moves it. */
  readonly clock: { now: number; sleeps: number; onSleep: (() => void) | undefined }
  /** A provider as a process of its own would make it. */
  provider(options?: Partial<SupabaseOptions>): SupabaseProvider
  /** Back to the beginning: state, restores and clock. */
  reset(): void
  close(): Promise<void>
}

function freshState(): ProjectState {
  const backup = (id: number, day: string, physical: boolean, status: 'COMPLETED' | 'FAILED' = 'COMPLETED') => ({
    ...{ id, is_physical_backup: physical, status, inserted_at: `2026-11-${day}T04:02:11.000Z` },
  })
  return {
    resting: 'ACTIVE_HEALTHY',
    pitr: true,
    window: { earliest: startMs / 1000 - 7 * 86_400, latest: startMs / 1000 - 120 },
    backups: [
      backup(101, '19', true),
      backup(102, '20', true),
      backup(103, '21', false),
      backup(104, '18', true, 'FAILED'),
    ],
    retentionDays: 7,
    readOnly: { enabled: false, override_enabled: false, override_active_until: '' },
    rootKey: '0123456789abcdef'.repeat(4),
    points: new Map([['before-upgrade', 'AVAILABLE']]),
    poolerHost: 'aws-1-eu-central-1.pooler.supabase.com',
    bans: [],
    schedule: { status: 200, body: { schedule_for: '04:00:00', updated_at: '2026-05-04T14:40:44+00:00' } },
    services: Object.fromEntries(
      ['db', 'pooler', 'auth', 'rest', 'storage', 'realtime'].map(one => [one, 'ACTIVE_HEALTHY']),
    ),
    lagMs: 8_000,
    restoreMs: 300_000,
    endsIn: 'ACTIVE_HEALTHY',
    tells: true,
  }
}

/** A project behind the Management API, on a server that holds every request and answer against its OpenAPI document. */
export async function startFakeSupabase(): Promise<FakeSupabase> {
  const state = freshState()
  const restores: AcceptedRestore[] = []
  const clock = { now: startMs, sleeps: 0, onSleep: undefined as (() => void) | undefined }

  const status = (): Schemas['V1ProjectWithDatabaseResponse']['status'] => {
    const last = restores.at(-1)
    if (last === undefined || clock.now < last.atMs + state.lagMs) return state.resting
    return clock.now < last.atMs + state.lagMs + state.restoreMs ? 'RESTORING' : state.endsIn
  }
  const finished = () => restores.filter(one => clock.now >= one.atMs + state.lagMs + state.restoreMs)
  const accept = (what: string): ApiAnswer => {
    restores.push({ what, atMs: clock.now })
    return { status: 201 }
  }
  const pointAnswer = (name: string): ApiAnswer => ({
    status: 200,
    body: { name, status: state.points.get(name)!, completed_on: '2026-11-21T11:00:00Z' },
  })

  const server = await startOpenApiServer(document, {
    token,
    handlers: {
      'v1-get-project': () => ({
        status: 200,
        body: {
          ...{ id: ref, ref, organization_id: 'org', organization_slug: 'org', name: 'shop', region: 'eu-central-1' },
          ...{ created_at: '2026-01-01T00:00:00Z', status: status() },
          database: { host: `db.${ref}.supabase.co`, version: '17.6', postgres_engine: '17', release_channel: 'ga' },
        },
      }),
      'v1-list-all-backups': () => ({
        status: 200,
        body: {
          ...{ region: 'eu-central-1', walg_enabled: true, pitr_enabled: state.pitr, backups: state.backups },
          physical_backup_data: state.window
            ? {
                earliest_physical_backup_date_unix: state.window.earliest,
                latest_physical_backup_date_unix: state.window.latest,
              }
            : {},
        },
      }),
      'v1-restore-pitr-backup': ({ body }) =>
        state.pitr
          ? accept(`pitr ${(body as Schemas['V1RestorePitrBody']).recovery_time_target_unix}`)
          : { status: 400, body: { message: 'PITR is not enabled for this project.' } },
      'v1-restore-physical-backup': ({ body }) => accept(`backup ${(body as Schemas['V1RestoreBackupBody']).id}`),
      'v1-undo': ({ body }) => accept(`undo ${(body as Schemas['V1UndoBody']).name}`),
      'v1-get-restore-point': ({ query }) => {
        const name = typeof query.name === 'string' ? query.name : [...state.points.keys()].at(-1)
        // An answer that the document does not list: what the API says here is one of the package's assumptions.
        return pointAnswer(name !== undefined && state.points.has(name) ? name : [...state.points.keys()][0]!)
      },
      'v1-create-restore-point': ({ body }) => {
        const { name } = body as Schemas['V1RestorePointPostBody']
        state.points.set(name, 'AVAILABLE')
        return { status: 201, body: { name, status: 'PENDING', completed_on: null } }
      },
      'v1-get-services-health': ({ query }) => ({
        status: 200,
        body: (query.services as string[]).map(name => ({
          ...{ name, healthy: state.services[name] === 'ACTIVE_HEALTHY', status: state.services[name] },
        })),
      }),
      'v1-get-readonly-mode-status': () => ({ status: 200, body: state.readOnly }),
      'v1-get-backup-schedule': () => state.schedule,
      'v1-get-organization-entitlements': () => ({
        status: 200,
        body: {
          entitlements:
            state.retentionDays === undefined
              ? []
              : [
                  {
                    ...{ feature: { key: 'backup.retention_days', type: 'numeric' }, hasAccess: true, type: 'numeric' },
                    config: { enabled: true, value: state.retentionDays, unlimited: false, unit: 'days' },
                  },
                ],
        },
      }),
      'v1-get-pooler-config': () => ({
        status: 200,
        body: [
          {
            ...{ identifier: ref, database_type: 'PRIMARY', is_using_scram_auth: true, db_user: `postgres.${ref}` },
            ...{ db_host: state.poolerHost, db_port: 6543, db_name: 'postgres', pool_mode: 'transaction' },
            connection_string: `postgresql://postgres.${ref}:[YOUR-PASSWORD]@${state.poolerHost}:6543/postgres`,
            connectionString: `postgresql://postgres.${ref}:[YOUR-PASSWORD]@${state.poolerHost}:6543/postgres`,
            ...{ default_pool_size: 15, max_client_conn: null },
          },
        ],
      }),
      'v1-create-login-role': () => ({
        status: 201,
        body: { role: 'cli_login_postgres', password: loginPassword, ttl_seconds: 300 },
      }),
      'v1-list-all-network-bans': () => ({ status: 201, body: { banned_ipv4_addresses: state.bans } }),
      'v1-get-pgsodium-config': () => ({ status: 200, body: { root_key: state.rootKey } }),
      'v1-update-pgsodium-config': ({ body }) => {
        state.rootKey = (body as Schemas['UpdatePgsodiumConfigBody']).root_key
        return { status: 200, body: { root_key: state.rootKey } }
      },
      'v1-read-only-query': () => {
        if (!state.tells) return { status: 403, body: { message: 'not for this token' } }
        const done = finished().at(-1)
        const startedAt = done === undefined ? startMs - 86_400_000 : done.atMs + state.lagMs + state.restoreMs
        const timeline = (1 + finished().length).toString(16).toUpperCase().padStart(8, '0')
        return { status: 201, body: [{ timeline, started: String(startedAt) }] }
      },
      'v2-download-project-backup': ({ body }) => {
        const { id } = (body as Schemas['V2DownloadProjectBackupBody']).data
        const file_url = `${server.origin}/files/${id}?sig=${fileSecret}`
        return { status: 201, body: { data: { type: 'project_backup_file_url', id, attributes: { file_url } } } }
      },
    },
    other(request, response) {
      if (request.url?.startsWith('/files/')) {
        if (request.headers.authorization !== undefined) response.writeHead(400).end('a token was sent')
        else response.writeHead(200, { 'content-length': 11 }).end('the archive')
        return true
      }
      if (request.url !== '/api/v2/summary.json') return false
      response
        .writeHead(200)
        .end(JSON.stringify({ status: { indicator: 'minor', description: 'slow' }, incidents: [] }))
      return true
    },
  })

  const deps: Partial<HttpDeps> = {
    now: () => clock.now,
    random: () => 0.5,
    async sleep(ms, signal) {
      signal?.throwIfAborted()
      clock.now += ms
      clock.sleeps++
      clock.onSleep?.()
      signal?.throwIfAborted()
    },
  }

  return {
    server,
    state,
    restores,
    clock,
    provider: (options = {}) =>
      supabase({
        ...{
          projectRef: ref,
          accessToken: secret.value(token),
          apiUrl: server.baseUrl,
          statusUrl: server.origin,
          deps,
        },
        reach: async ({ host }) => (host.startsWith('db.') ? 'ENETUNREACH' : true),
        ...options,
      }),
    reset() {
      Object.assign(state, freshState())
      restores.length = 0
      Object.assign(clock, { now: startMs, sleeps: 0, onSleep: undefined })
    },
    close: () => server.close(),
  }
}
