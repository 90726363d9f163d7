import {
  type BackupProvider,
  isBackupError,
  type ProviderCallOptions,
  type SecretReference,
  secret,
} from '@lifeboat/core'
import { readStatusPage, type StatusAdvice } from '@lifeboat/core/http'
import { creatingExports, listExports, openingExports } from './exports.js'
import { pointInTime } from './point-in-time.js'
import { externalAddress, recoveredInstances } from './recovered-instances.js'
import { type Instance, renderApi } from './render-api.js'
import { type RenderOptions, resolveOptions } from './render-options.js'
import { maintenance } from './services.js'

/** An instance as Render lists it. */
export interface RenderInstance {
  readonly id: string
  readonly name: string
  /** In Render's own words, such as `available`; words that are new to this version come through. */
  readonly status: string
  readonly plan: string
  readonly region: string
  readonly version: string
  readonly createdAt: string
  /** Free instances end then; null for others. */
  readonly expiresAt: string | null
  /** The instance whose replica it is; null for others. */
  readonly replicaOf: string | null
}

/** Render as a provider, and what only Render has. */
export interface RenderProvider extends BackupProvider {
  /** Every instance that the key reaches: what a wrong `postgresId` is found with. */
  instances(options?: ProviderCallOptions): AsyncIterable<RenderInstance>
  /** The address of the database from outside, over TLS: a secret. */
  connection(options?: ProviderCallOptions): Promise<SecretReference>
  /** What the status page says; undefined where it says nothing in time. Advice, never an error. */
  advice(options?: ProviderCallOptions): Promise<StatusAdvice | undefined>
}

/**
 * One Postgres instance on Render: its exports, its recovery window, and the services that write to it. Making one
 * opens no connection and reads no secret.
 * @throws BackupError `config-invalid`
 */
export function render(options: RenderOptions): RenderProvider {
  const settings = resolveOptions(options)
  const api = renderApi(settings)
  return {
    name: 'render',
    location: `instance ${settings.postgresId}`,
    classify: error => (isBackupError(error) ? error.code : undefined),
    async *list(call = {}) {
      yield* await listExports(api, settings, call)
    },
    creating: creatingExports(api, settings),
    opening: openingExports(api, settings),
    pointInTime: pointInTime(api, settings),
    recovered: recoveredInstances(api, settings),
    maintenance: settings.services.length === 0 ? undefined : maintenance(api, settings),

    async *instances({ signal } = {}) {
      signal?.throwIfAborted()
      for await (const found of api.instances({ signal })) yield shown(found)
    },
    async connection({ signal } = {}) {
      signal?.throwIfAborted()
      const address = await externalAddress(api, settings.postgresId, signal)
      return secret.value(address, `the address of the instance ${settings.postgresId}`)
    },
    async advice({ signal } = {}) {
      if (settings.statusPage === false) return undefined
      return readStatusPage(settings.statusPage, { signal, deps: api.deps })
    },
  }
}

function shown({
  id,
  name,
  status,
  plan,
  region,
  version,
  createdAt,
  expiresAt,
  primaryPostgresID,
}: Instance): RenderInstance {
  return {
    ...{ id, name, status, plan, region, version, createdAt },
    ...{ expiresAt: expiresAt ?? null, replicaOf: primaryPostgresID ?? null },
  }
}
