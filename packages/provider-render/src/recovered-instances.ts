import { BackupError, type RecoveredInstances, secret } from '@lifeboat/core'
import { externalAddress } from './external-address.js'
import { followUntil } from './follow.js'
import { newInstanceOf, rehearsalName } from './point-in-time.js'
import type { RenderApi } from './render-api.js'
import type { RenderSettings } from './render-options.js'

/** How long a deleted instance may still show. */
const goneMs = 10 * 60_000

/** What recoveries made: its address, and its removal. The source is never touched: checked by id, and by name. */
export function recoveredInstances(api: RenderApi, settings: RenderSettings): RecoveredInstances {
  return {
    async connect(operation, { signal } = {}) {
      signal?.throwIfAborted()
      const id = newInstanceOf(operation, settings.postgresId)
      return secret.value(await externalAddress(api, id, signal), `the address of the instance ${id}`)
    },

    async discard(operation, { signal } = {}) {
      signal?.throwIfAborted()
      const id = newInstanceOf(operation, settings.postgresId)
      const found = await api.findInstance(id, { signal })
      if (found === undefined) return
      // A note that was changed, mixed up or planted must not cost anybody a database: what is removed has a name that
      // only a rehearsal gives.
      if (found.name !== operation.plan.details.restoreName || found.id !== id || !rehearsalName.test(found.name))
        throw new BackupError(
          'provider-refused',
          `${id} is called ${JSON.stringify(found.name)}: it is not what a rehearsal made`,
          {
            hint: 'nothing was deleted; look for the recovered instance in the dashboard',
          },
        )
      await api.deleteInstance(id, { signal })
      await followUntil(async () => ((await api.findInstance(id, { signal })) === undefined ? true : undefined), {
        what: `${id} was deleted, but still shows`,
        hint: 'see in the dashboard whether it is billed',
        ...{ timeoutMs: goneMs, deps: api.deps, signal },
      })
    },
  }
}
