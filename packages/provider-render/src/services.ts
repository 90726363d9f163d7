import { BackupError, type Maintenance, type WritingService } from '@lifeboat/core'
import { followUntil, report } from './follow.js'
import type { RenderApi, Service } from './render-api.js'
import type { RenderSettings } from './render-options.js'

/** Pausing the services that write to the database. Both calls may be repeated: they look first. */
export function maintenance(api: RenderApi, settings: RenderSettings): Maintenance {
  const { services } = settings
  return {
    async services({ signal } = {}) {
      signal?.throwIfAborted()
      const found: WritingService[] = []
      for (const id of services) {
        const service = await api.service(id, { signal })
        found.push({ id, name: service.name, state: stateOf(service) })
      }
      return found
    },

    async pause(id, { signal, timeoutMs, onEvent } = {}) {
      signal?.throwIfAborted()
      assertConfigured(id)
      if (stateOf(await api.service(id, { signal })) !== 'running') return
      await api.suspendService(id, { signal })
      await followUntil(
        async () => {
          const service = await api.service(id, { signal })
          progress(onEvent, service)
          return stateOf(service) === 'running' ? undefined : service
        },
        follow(id, 'is not suspended', timeoutMs, signal),
      )
    },

    async resume(id, { signal, timeoutMs, onEvent } = {}) {
      signal?.throwIfAborted()
      assertConfigured(id)
      const before = await api.service(id, { signal })
      if (stateOf(before) === 'running') return
      assertOurs(id, before)
      await api.resumeService(id, { signal })
      await followUntil(
        async () => {
          const service = await api.service(id, { signal })
          progress(onEvent, service)
          if (stateOf(service) === 'held') assertOurs(id, service)
          return stateOf(service) === 'running' ? service : undefined
        },
        follow(id, 'does not run again', timeoutMs, signal),
      )
    },
  }

  function follow(id: string, what: string, timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    return {
      what: `the service ${id} ${what}`,
      hint: 'see the service in the dashboard; `lifeboat resume PRODUCT` tries again',
      timeoutMs: timeoutMs ?? settings.serviceTimeoutMs,
      deps: api.deps,
      signal,
    }
  }

  /** A note from elsewhere must not make us stop or start a stranger's service. */
  function assertConfigured(id: string): void {
    if (services.includes(id)) return
    throw new BackupError('provider-not-found', `the service ${JSON.stringify(id)} is not in the configuration`, {
      hint: `configured: ${services.join(', ') || 'none'}`,
    })
  }
}

/** Paused by a user is what this tool does and undoes; any other cause is somebody else's. */
export function stateOf({ suspended, suspenders }: Service): WritingService['state'] {
  if (suspended === 'not_suspended') return 'running'
  if (suspended !== 'suspended') return 'unknown'
  const others = (suspenders ?? []).filter(one => one !== 'user')
  return others.length > 0 ? 'held' : 'paused'
}

/** @throws BackupError `provider-conflict` where something besides a user holds the service, which resuming does not undo */
function assertOurs(id: string, service: Service): void {
  if (stateOf(service) !== 'held') return
  const others = (service.suspenders ?? []).filter(one => one !== 'user')
  throw new BackupError('provider-conflict', `the service ${id} is suspended by ${others.join(', ')}`, {
    hint: 'resuming does not undo that; see the service and the billing in the dashboard',
  })
}

function progress(onEvent: Parameters<typeof report>[0], { suspended, name }: Service): void {
  report(onEvent, { type: 'provider.progressed', provider: 'render', state: `${name}: ${suspended}`, elapsedMs: 0 })
}
