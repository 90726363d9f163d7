import { callFor, type HttpApi, type HttpDeps, httpApi, nodeHttpDeps, readAnswer } from '@lifeboat/core/http'
import { z } from 'zod'
import type { components, paths } from './openapi/render-schema.js'
import type { RenderSettings } from './render-options.js'

type Schemas = components['schemas']

/** What is read of an instance. Enums are open: a word that is new at Render must not stop a recovery. */
const instanceSchema = z.looseObject({
  id: z.string().min(1),
  name: z.string(),
  status: z.string(),
  plan: z.string().catch('unknown'),
  region: z.string().catch('unknown'),
  createdAt: z.string(),
  databaseName: z.string().catch('unknown'),
  version: z.string().catch('unknown'),
  /** The document says a list; accounts have answered null. */
  ipAllowList: z.array(z.unknown()).nullish().catch(null),
  suspended: z.string().catch('unknown'),
  expiresAt: z.string().nullish(),
  primaryPostgresID: z.string().nullish(),
}) satisfies z.ZodType<Pick<Schemas['postgresDetail'], 'id' | 'name' | 'createdAt'>>
const instancesSchema = z.array(z.looseObject({ postgres: instanceSchema, cursor: z.string() }))
const recoverySchema = z.looseObject({ recoveryStatus: z.string(), startsAt: z.string().nullish() })
const exportsSchema = z.array(
  z.looseObject({ id: z.string().min(1), createdAt: z.string(), url: z.string().nullish() }),
)
const connectionSchema = z.looseObject({ externalConnectionString: z.string().nullish() })
const serviceSchema = z.looseObject({
  id: z.string(),
  name: z.string().catch('unknown'),
  suspended: z.string(),
  suspenders: z.array(z.string()).nullish().catch(null),
})

export type Instance = z.output<typeof instanceSchema>
export type RecoveryInfo = z.output<typeof recoverySchema>
export type ExportRecord = z.output<typeof exportsSchema>[number]
export type Service = z.output<typeof serviceSchema>

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** The operations of Render's API that this package uses, typed by its OpenAPI document. */
export interface RenderApi {
  readonly http: HttpApi
  readonly deps: HttpDeps
  /** Every instance that the key reaches, or of these names. */
  instances(options: CallOptions & { readonly name?: string | undefined }): AsyncIterable<Instance>
  instance(id: string, options: CallOptions): Promise<Instance>
  /** Undefined where Render does not know it, or knows it no more. */
  findInstance(id: string, options: CallOptions): Promise<Instance | undefined>
  deleteInstance(id: string, options: CallOptions): Promise<void>
  externalAddress(id: string, options: CallOptions): Promise<string>
  recoveryInfo(id: string, options: CallOptions): Promise<RecoveryInfo>
  /** Sent once. Undefined where the answer says nothing about what was made. */
  recover(id: string, input: Schemas['recoveryInput'], options: CallOptions): Promise<Instance | undefined>
  exports(id: string, options: CallOptions): Promise<readonly ExportRecord[]>
  /** Sent once; Render answers without an id. */
  startExport(id: string, options: CallOptions): Promise<void>
  service(id: string, options: CallOptions): Promise<Service>
  suspendService(id: string, options: CallOptions): Promise<void>
  resumeService(id: string, options: CallOptions): Promise<void>
}

const pageSize = 100

export function renderApi(settings: RenderSettings): RenderApi {
  const http = httpApi({
    service: 'Render',
    baseUrl: settings.apiUrl,
    token: settings.apiKey,
    secretShapes: [/rnd_[A-Za-z0-9]+/],
    explain: ({ status }) =>
      status === 410
        ? { code: 'provider-not-found', hint: 'it was deleted: check the id in the configuration' }
        : undefined,
    deps: settings.deps,
  })
  const deps: HttpDeps = { ...nodeHttpDeps(), ...settings.deps }
  return {
    http,
    deps,
    async *instances({ name, signal }) {
      let cursor: string | undefined
      for (;;) {
        const query = { limit: pageSize, name, cursor } satisfies Query
        const page = await callFor(http, instancesSchema, { method: 'GET', path: at('/postgres'), query, signal })
        for (const { postgres } of page) yield postgres
        cursor = page.at(-1)?.cursor
        // A cursor that repeats would turn the listing into a circle.
        if (page.length < pageSize || cursor === undefined || cursor === query.cursor) return
      }
    },
    instance: (id, { signal }) =>
      callFor(http, instanceSchema, { method: 'GET', path: at('/postgres/{postgresId}', id), signal }),
    async findInstance(id, { signal }) {
      const call = { method: 'GET', path: at('/postgres/{postgresId}', id), accept: [404, 410], signal } as const
      const { status, body } = await http.call(call)
      return status === 404 || status === 410 ? undefined : readAnswer(http, instanceSchema, call, body)
    },
    async deleteInstance(id, { signal }) {
      await http.call({ method: 'DELETE', path: at('/postgres/{postgresId}', id), accept: [404, 410], signal })
    },
    async externalAddress(id, { signal }) {
      const call = { method: 'GET', path: at('/postgres/{postgresId}/connection-info', id), signal } as const
      return (await callFor(http, connectionSchema, call)).externalConnectionString ?? ''
    },
    recoveryInfo: (id, { signal }) =>
      callFor(http, recoverySchema, { method: 'GET', path: at('/postgres/{postgresId}/recovery', id), signal }),
    async recover(id, body, { signal }) {
      const call = { method: 'POST', path: at('/postgres/{postgresId}/recovery', id), body, signal } as const
      const read = instanceSchema.safeParse((await http.call(call)).body)
      return read.success ? read.data : undefined
    },
    exports: (id, { signal }) =>
      callFor(http, exportsSchema, { method: 'GET', path: at('/postgres/{postgresId}/export', id), signal }),
    async startExport(id, { signal }) {
      await http.call({ method: 'POST', path: at('/postgres/{postgresId}/export', id), signal })
    },
    service: (id, { signal }) =>
      callFor(http, serviceSchema, { method: 'GET', path: at('/services/{serviceId}', id), signal }),
    // Suspending what is suspended, and resuming what runs, changes nothing: both may be sent again.
    async suspendService(id, { signal }) {
      await http.call({ method: 'POST', path: at('/services/{serviceId}/suspend', id), idempotent: true, signal })
    },
    async resumeService(id, { signal }) {
      await http.call({ method: 'POST', path: at('/services/{serviceId}/resume', id), idempotent: true, signal })
    },
  }
}

type Query = {
  [K in keyof NonNullable<paths['/postgres']['get']['parameters']['query']>]: string | number | undefined
}

/** A path of the document with its parameter filled in. */
function at(path: keyof paths, id = ''): string {
  return path.replace(/\{\w+\}/, encodeURIComponent(id))
}
