import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ApiHandler, type OpenApiServer, startOpenApiServer } from './openapi-server.js'

const document = JSON.parse(
  readFileSync(new URL('../../provider-render/openapi/render.json', import.meta.url), 'utf8'),
) as object

/** An instance as the service keeps it. */
export interface FakeInstance {
  readonly id: string
  readonly name: string
  status: string
  readonly plan: string
  /** The instance it was recovered from; null for one that was there. */
  readonly recoveredFrom: string | null
  readonly restoreTime: string | null
  /** Looks until a recovery is over. */
  looksLeft: number
  /** What it becomes then. */
  readonly becomes: string
  ipAllowList: readonly { readonly cidrBlock: string; readonly description: string }[] | null
}

export interface FakeService {
  readonly id: string
  readonly name: string
  suspended: string
  suspenders: string[]
  /** Looks until a suspend or resume shows. */
  looksLeft: number
  becomes: string | undefined
}

export interface FakeExport {
  readonly id: string
  readonly createdAt: string
  looksLeft: number
}

export interface RenderServiceOptions {
  readonly token?: string | undefined
  readonly sourceId?: string | undefined
  /** Where time begins. It only moves by `sleep`. Default: 2026-11-21T12:00Z. */
  readonly startMs?: number | undefined
  /** Looks until a recovery is available. Default: 3. */
  readonly recoveryLooks?: (() => number) | undefined
  /** What a recovery becomes. Default: `available`. */
  readonly recoveryBecomes?: (() => string) | undefined
  /** Looks until an export has its url; Infinity for never. Default: 2. */
  readonly exportLooks?: (() => number) | undefined
  /** Looks until a suspend or resume shows. Default: 1. */
  readonly serviceLooks?: (() => number) | undefined
  readonly services?: readonly string[] | undefined
  /** The bytes of an export. Default: `export <id>`. */
  readonly exportBytes?: ((id: string) => Uint8Array) | undefined
  /** The address that connection-info answers for an instance. Default: one on `postgres.example.org`. */
  readonly addressOf?: ((id: string) => string) | undefined
}

/** A stand-in for Render's API with state, held against its OpenAPI document on every call, and with a clock of its own. */
export interface RenderService {
  readonly server: OpenApiServer
  readonly token: string
  readonly sourceId: string
  readonly instances: Map<string, FakeInstance>
  readonly services: Map<string, FakeService>
  readonly exports: FakeExport[]
  /** The ids of instances that were deleted, in order. */
  readonly deleted: string[]
  /** Answers that tests change: `recoveryStatus`, `startsAt` (undefined leaves it out). */
  readonly recoveryInfo: { recoveryStatus: string; startsAt: string | undefined }
  /** Requests for downloads, with the headers that matter. */
  readonly downloads: { readonly path: string; readonly authorization: string | undefined }[]
  /** Answers the next download in place of the export's bytes. */
  downloadFault: ((response: ServerResponse) => void) | undefined
  /** What the status page answers; undefined for silence. */
  statusPage: { status: number; body: string } | undefined
  /** How slow it is, and what becomes of things; a test may change them. */
  readonly knobs: {
    recoveryLooks: () => number
    recoveryBecomes: () => string
    exportLooks: () => number
    serviceLooks: () => number
  }
  /** Back to one instance, services that run, and nothing else; time goes on. */
  reset(): void
  now(): number
  /** For a client: time passes without anybody waiting. */
  readonly deps: { now(): number; sleep(ms: number, signal?: AbortSignal): Promise<void>; random(): number }
  close(): Promise<void>
}

const owner = { id: 'tea-1', name: 'shop', email: 'ops@example.org', type: 'team' }

export async function startRenderService(options: RenderServiceOptions = {}): Promise<RenderService> {
  const token = options.token ?? 'rnd_0123456789abcdefABCDEF'
  const sourceId = options.sourceId ?? 'dpg-source'
  let clock = options.startMs ?? Date.parse('2026-11-21T12:00:00Z')
  const instances = new Map<string, FakeInstance>()
  const services = new Map<string, FakeService>()
  const exports: FakeExport[] = []
  const deleted: string[] = []
  let made = 0
  const blank = { plan: 'pro_4gb', looksLeft: 0, becomes: 'available', ipAllowList: [] } as const
  const knobs = {
    recoveryLooks: options.recoveryLooks ?? (() => 3),
    recoveryBecomes: options.recoveryBecomes ?? (() => 'available'),
    exportLooks: options.exportLooks ?? (() => 2),
    serviceLooks: options.serviceLooks ?? (() => 1),
  }
  const reset = () => {
    instances.clear()
    services.clear()
    exports.length = 0
    deleted.length = 0
    instances.set(sourceId, {
      ...{ ...blank, id: sourceId, name: 'shop', status: 'available', recoveredFrom: null, restoreTime: null },
    })
    for (const id of options.services ?? ['srv-web'])
      services.set(id, { id, name: id, suspended: 'not_suspended', suspenders: [], looksLeft: 0, becomes: undefined })
  }
  reset()

  const missing = { status: 404, body: { message: 'not found' } }
  const day = 24 * 3_600_000
  const recoveryInfo = {
    recoveryStatus: 'AVAILABLE',
    startsAt: new Date(clock - 7 * day).toISOString() as string | undefined,
  }

  const detail = (one: FakeInstance) => ({
    ...{ id: one.id, name: one.name, status: one.status, plan: one.plan, ipAllowList: one.ipAllowList },
    ...{ createdAt: new Date(clock).toISOString(), updatedAt: new Date(clock).toISOString(), owner },
    ...{ dashboardUrl: `https://dashboard.example.org/d/${one.id}`, databaseName: 'shop', databaseUser: 'shop' },
    ...{ highAvailabilityEnabled: false, region: 'frankfurt', readReplicas: [], role: 'primary', version: '17' },
    ...{ suspended: 'not_suspended', suspenders: [], diskAutoscalingEnabled: false, connectionPool: 'none' },
  })
  const look = (one: FakeInstance) => {
    if (one.looksLeft > 0) one.looksLeft -= 1
    if (one.looksLeft === 0 && one.status !== one.becomes) one.status = one.becomes
    return detail(one)
  }
  const serviceDetail = (one: FakeService) => ({
    ...{ id: one.id, name: one.name, suspended: one.suspended, suspenders: one.suspenders, ownerId: owner.id },
    ...{ type: 'web_service', createdAt: new Date(clock).toISOString(), updatedAt: new Date(clock).toISOString() },
    ...{ dashboardUrl: 'https://dashboard.example.org', autoDeploy: 'no', notifyOnFail: 'default', slug: one.name },
    ...{ serviceDetails: {}, rootDir: '' },
  })
  const onInstance =
    (answer: (one: FakeInstance, request: Parameters<ApiHandler>[0]) => ReturnType<ApiHandler>): ApiHandler =>
    request => {
      const one = instances.get(request.params.postgresId ?? '')
      return one === undefined ? missing : answer(one, request)
    }
  const onService =
    (answer: (one: FakeService) => ReturnType<ApiHandler>): ApiHandler =>
    request => {
      const one = services.get(request.params.serviceId ?? '')
      return one === undefined ? missing : answer(one)
    }
  const turn = (to: 'suspended' | 'not_suspended') =>
    onService(one => {
      one.becomes = to
      one.looksLeft = knobs.serviceLooks()
      return { status: 202 }
    })

  const handlers: Record<string, ApiHandler> = {
    'list-postgres': ({ query }) => {
      const names = query.name as readonly string[] | undefined
      const all = [...instances.values()].filter(one => names === undefined || names.includes(one.name))
      const after = query.cursor === undefined ? 0 : all.findIndex(one => `after-${one.id}` === query.cursor) + 1
      const page = all.slice(after, after + Number(query.limit ?? 20))
      return { status: 200, body: page.map(one => ({ postgres: detail(one), cursor: `after-${one.id}` })) }
    },
    'retrieve-postgres': onInstance(one => ({ status: 200, body: look(one) })),
    'delete-postgres': onInstance(one => {
      instances.delete(one.id)
      deleted.push(one.id)
      return { status: 204 }
    }),
    'retrieve-postgres-connection-info': onInstance(one => {
      const address = options.addressOf?.(one.id) ?? `postgres://shop:s3cr%40t@${one.id}.postgres.example.org/shop`
      return {
        status: 200,
        body: {
          password: 's3cr@t',
          internalConnectionString: address,
          externalConnectionString: address,
          psqlCommand: 'psql',
        },
      }
    }),
    'retrieve-postgres-recovery-info': onInstance(() => ({ status: 200, body: recoveryInfo })),
    'recover-postgres': onInstance((source, request) => {
      const { restoreTime, restoreName, plan } = request.body as {
        restoreTime: string
        restoreName?: string
        plan?: string
      }
      const id = `dpg-recovered-${++made}`
      const one: FakeInstance = {
        ...blank,
        ...{ id, name: restoreName ?? `${source.name}-recovered`, status: 'recovery_in_progress', restoreTime },
        ...{ plan: plan ?? source.plan, recoveredFrom: source.id, looksLeft: knobs.recoveryLooks() },
        becomes: knobs.recoveryBecomes(),
      }
      instances.set(id, one)
      return { status: 200, body: detail(one) }
    }),
    'list-postgres-export': onInstance(() => ({
      status: 200,
      body: exports.map(one => {
        if (one.looksLeft > 0) one.looksLeft -= 1
        const url = one.looksLeft > 0 ? undefined : `${server.origin}/downloads/${one.id}?signature=s3cr3t-${one.id}`
        return { id: one.id, createdAt: one.createdAt, url }
      }),
    })),
    'create-postgres-export': onInstance(() => {
      exports.push({
        id: `exp-${++made}`,
        createdAt: new Date(clock).toISOString(),
        looksLeft: knobs.exportLooks(),
      })
      return { status: 202 }
    }),
    'retrieve-service': onService(one => {
      if (one.looksLeft > 0) one.looksLeft -= 1
      if (one.looksLeft === 0 && one.becomes !== undefined) {
        const by = one.suspenders.filter(other => other !== 'user')
        one.suspenders = one.becomes === 'suspended' ? [...by, 'user'] : by
        one.suspended = one.suspenders.length > 0 ? 'suspended' : 'not_suspended'
        one.becomes = undefined
      }
      return { status: 200, body: serviceDetail(one) }
    }),
    'suspend-service': turn('suspended'),
    'resume-service': turn('not_suspended'),
  }

  const service: { -readonly [K in keyof RenderService]: RenderService[K] } = {
    server: undefined as never,
    ...{ token, sourceId, instances, services, exports, deleted, recoveryInfo, knobs, reset },
    downloads: [],
    downloadFault: undefined,
    statusPage: {
      status: 200,
      body: JSON.stringify({ status: { indicator: 'none', description: 'All good' }, incidents: [] }),
    },
    now: () => clock,
    deps: {
      now: () => clock,
      random: () => 0.5,
      async sleep(ms, signal) {
        signal?.throwIfAborted()
        clock += ms
      },
    },
    close: () => server.close(),
  }
  const server = await startOpenApiServer(document, {
    handlers,
    token,
    other: (...http) => answerOther(service, options, ...http),
  })
  service.server = server
  return service
}

/** Downloads and the status page: not in the document. */
function answerOther(
  service: RenderService,
  options: RenderServiceOptions,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const path = request.url ?? ''
  if (path.startsWith('/api/v2/summary.json')) {
    if (service.statusPage !== undefined) response.writeHead(service.statusPage.status).end(service.statusPage.body)
    return true
  }
  const id = /^\/downloads\/([^?]+)\?signature=s3cr3t-/.exec(path)?.[1]
  if (id === undefined) return false
  service.downloads.push({ path, authorization: request.headers.authorization })
  if (service.downloadFault !== undefined) {
    service.downloadFault(response)
    service.downloadFault = undefined
    return true
  }
  const bytes = options.exportBytes?.(id) ?? Buffer.from(`export ${id}`)
  response.writeHead(200, { 'content-type': 'application/gzip', 'content-length': bytes.byteLength }).end(bytes)
  return true
}
