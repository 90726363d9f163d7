import { BackupError, isSecret, type SecretReference } from '@lifeboat/core'
import type { HttpDeps } from '@lifeboat/core/http'

export interface RenderOptions {
  /** The id of the Postgres instance: `dpg-…`, the last part of its address in the dashboard. */
  readonly postgresId: string
  /** An API key (`rnd_…`). It reaches everything its user does: https://render.com/docs/api */
  readonly apiKey: SecretReference
  /** The ids of the services that write to the database (`srv-…`), to be paused around a restore. Default: none. */
  readonly services?: readonly string[] | undefined
  /** The plan of a recovered instance; not lower than the original's. Default: the original's. */
  readonly recoveryPlan?: string | undefined
  /** Where the API is. Default: `https://api.render.com/v1`. */
  readonly apiUrl?: string | undefined
  /** The status page that is asked for advice. Default: `https://status.render.com`; `null` asks none. */
  readonly statusUrl?: string | null | undefined
  /** How long a recovery is followed. Default: 4 hours. */
  readonly recoveryTimeoutMs?: number | undefined
  /** How long an export is waited for. Default: 4 hours. */
  readonly exportTimeoutMs?: number | undefined
  /** How long a service may take to stop or start. Default: 5 minutes. */
  readonly serviceTimeoutMs?: number | undefined
  readonly deps?: Partial<HttpDeps> | undefined
}

/** The same with every default resolved. */
export type RenderSettings = Readonly<
  Required<Omit<RenderOptions, 'recoveryPlan' | 'deps'>> & Pick<RenderOptions, 'recoveryPlan' | 'deps'>
>

const hour = 3_600_000

/** @throws BackupError `config-invalid` */
export function resolveOptions(options: RenderOptions): RenderSettings {
  const refuse = (why: string, hint: string) => new BackupError('config-invalid', `render: ${why}`, { hint })
  if (typeof options.postgresId !== 'string' || !/^[a-zA-Z0-9-]+$/.test(options.postgresId))
    throw refuse('postgresId is not the id of an instance', 'it begins with dpg- and stands in the dashboard’s address')
  if (!isSecret(options.apiKey)) throw refuse('apiKey must be a secret', "write secret.env('RENDER_API_KEY')")
  const services = options.services ?? []
  const odd = services.find(one => !/^[a-zA-Z0-9-]+$/.test(one))
  if (odd !== undefined)
    throw refuse(
      `${JSON.stringify(odd)} is not the id of a service`,
      'it begins with srv- and stands in the dashboard’s address',
    )
  return Object.freeze({
    postgresId: options.postgresId,
    apiKey: options.apiKey,
    services,
    recoveryPlan: options.recoveryPlan,
    apiUrl: options.apiUrl ?? 'https://api.render.com/v1',
    statusUrl: options.statusUrl === undefined ? 'https://status.render.com' : options.statusUrl,
    recoveryTimeoutMs: options.recoveryTimeoutMs ?? 4 * hour,
    exportTimeoutMs: options.exportTimeoutMs ?? 4 * hour,
    serviceTimeoutMs: options.serviceTimeoutMs ?? hour / 12,
    deps: options.deps,
  })
}
