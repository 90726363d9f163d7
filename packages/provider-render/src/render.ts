import { type BackupProvider, isBackupError, type ProviderCallOptions, secret } from '@lifeboat/core'
import { checkingInstance } from './check-instance.js'
import { creatingExports, listExports, openingExports } from './exports.js'
import { externalAddress } from './external-address.js'
import { pointInTime } from './point-in-time.js'
import { recoveredInstances } from './recovered-instances.js'
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
    checking: checkingInstance(api, settings),
    connecting: {
      async connect({ signal } = {}) {
        signal?.throwIfAborted()
        const address = await externalAddress(api, settings.postgresId, signal)
        const url = secret.value(address, `the address of the instance ${settings.postgresId}`)
        return { url, way: 'direct, from outside Render', expiresAt: null, notes: [] }
      },
    },
    async promises({ signal } = {}) {
      signal?.throwIfAborted()
      const { region } = await api.instance(settings.postgresId, { signal })
      return {
        // "Deleting an instance deletes its backups", exports among them: https://render.com/docs/postgresql-backups
        survivesDeletion: false,
        region,
        credential: `an API key of Render (${settings.apiKey.description})`,
        expected: {},
      }
    },
    maintenance: settings.services.length === 0 ? undefined : maintenance(api, settings),

    async *instances({ signal } = {}) {
      signal?.throwIfAborted()
      for await (const found of api.instances({ signal })) yield shown(found)
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
