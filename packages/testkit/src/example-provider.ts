import { BackupError, type BackupProvider, isBackupError, type SecretReference } from '@lifeboat/core'
import { callFor, httpApi } from '@lifeboat/core/http'
import { z } from 'zod'

// Only what is read, and every status as an open string: one that the service adds must not stop a listing.
const page = z.object({
  items: z.array(z.object({ id: z.string(), state: z.string(), made: z.string() })),
  next: z.string().nullish(),
})
const statuses: Readonly<Record<string, 'complete' | 'running'>> = { done: 'complete', busy: 'running' }

/** Snapshots of a service that lists them, page by page, and gives out their bytes. */
export function snapshots(options: { readonly url: string; readonly token: SecretReference }): BackupProvider {
  // Free: no network, and the token is read at each call.
  const api = httpApi({ service: 'Snapshots', baseUrl: options.url, token: options.token })

  return {
    name: 'snapshots',
    location: new URL(options.url).host,

    async *list({ signal } = {}) {
      for (let after: string | undefined, more = true; more; ) {
        const { items, next } = await callFor(api, page, {
          method: 'GET',
          path: '/snapshots',
          query: { after },
          signal,
        })
        for (const { id, state, made } of items) {
          signal?.throwIfAborted()
          yield {
            ...{ id, kind: 'physical', createdAt: new Date(made).toISOString(), expiresAt: null, sizeBytes: null },
            ...{ status: statuses[state] ?? 'unknown', nativeStatus: state },
          }
        }
        after = next ?? undefined
        more = after !== undefined
      }
    },

    // All errors of the HTTP base carry a code already.
    classify: error => (isBackupError(error) ? error.code : undefined),

    removing: {
      async remove(id, { signal } = {}) {
        const path = `/snapshots/${encodeURIComponent(id)}`
        const { status } = await api.call({ method: 'DELETE', path, accept: [404], signal })
        if (status === 202)
          throw new BackupError('provider-conflict', `snapshot ${id} is in use`, { hint: 'try again later' })
      },
    },
  }
}
