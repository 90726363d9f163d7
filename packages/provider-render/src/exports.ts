import {
  BackupError,
  type ByteSource,
  type Creating,
  isBackupError,
  type Opening,
  type ProviderBackup,
  type ProviderCallOptions,
} from '@lifeboat/core'
import { followUntil, report } from './follow.js'
import type { ExportRecord, RenderApi } from './render-api.js'
import type { RenderSettings } from './render-options.js'

/** How long Render keeps an export: https://render.com/docs/postgresql-backups */
const keptMs = 7 * 24 * 3_600_000
/** How long an export whose start got no clear answer may stay out of the listing. */
const listingMs = 2 * 60_000

/** The exports of an instance as a listing. */
export async function listExports(
  api: RenderApi,
  settings: RenderSettings,
  { signal }: ProviderCallOptions,
): Promise<readonly ProviderBackup[]> {
  signal?.throwIfAborted()
  const found = await api.exports(settings.postgresId, { signal })
  return found.map(one => asBackup(one, api.deps.now()))
}

/**
 * Makes an export. Render answers the start without an id, so the new one is found by what was there before; and it is
 * started once, whatever becomes of the answer.
 */
export function creatingExports(api: RenderApi, settings: RenderSettings): Creating {
  const { postgresId } = settings
  return {
    async create({ signal, timeoutMs, onEvent } = {}) {
      signal?.throwIfAborted()
      const before = new Set((await api.exports(postgresId, { signal })).map(one => one.id))
      const begunMs = api.deps.now()
      const newest = async () => {
        const added = (await api.exports(postgresId, { signal })).filter(one => !before.has(one.id))
        // Of two that were started at once either is an export made after this call.
        return added.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))[0]
      }
      const uncertain = await startOnce(api, postgresId, signal)
      let seen: ExportRecord | undefined
      const done = await followUntil(
        async () => {
          seen = await newest()
          if (seen === undefined && uncertain !== undefined && api.deps.now() - begunMs > listingMs)
            throw notKnown(uncertain)
          const state = seen === undefined ? 'not listed yet' : seen.url ? 'ready' : 'no url yet'
          report(onEvent, {
            type: 'provider.progressed',
            provider: 'render',
            state,
            elapsedMs: api.deps.now() - begunMs,
          })
          return seen?.url ? seen : undefined
        },
        {
          what: `the export of ${postgresId} is not ready`,
          hint: 'it goes on at Render: `lifeboat export PRODUCT --existing` stores it once it is ready',
          ...{ timeoutMs: timeoutMs ?? settings.exportTimeoutMs, deps: api.deps, signal },
        },
      )
      return asBackup(done, api.deps.now())
    },
  }
}

/** The bytes of an export: `<time>.dir.tar.gz`, a folder that pg_dump wrote. */
export function openingExports(api: RenderApi, settings: RenderSettings): Opening {
  const { postgresId } = settings
  return {
    async *open(id, { signal } = {}): ByteSource {
      signal?.throwIfAborted()
      const found = (await api.exports(postgresId, { signal })).find(one => one.id === id)
      if (found === undefined || api.deps.now() - Date.parse(found.createdAt) > keptMs)
        throw new BackupError('backup-missing', `${postgresId} has no export ${JSON.stringify(id)}`, {
          hint: 'Render keeps exports for seven days; `lifeboat list --provider` shows what there is',
        })
      if (!found.url)
        throw new BackupError('provider-conflict', `the export ${id} is not ready yet`, {
          hint: 'try again in some minutes',
        })
      yield* download(api, found.url, id, signal)
    },
  }
}

/** Starts an export; what nobody knows the outcome of comes back as a value. */
async function startOnce(
  api: RenderApi,
  postgresId: string,
  signal: AbortSignal | undefined,
): Promise<BackupError | undefined> {
  try {
    await api.startExport(postgresId, { signal })
    return undefined
  } catch (error) {
    // 429 says that it did not start; 5xx and a lost connection say nothing.
    if (isBackupError(error, 'provider-unreachable')) return error
    throw error
  }
}

function notKnown(cause: BackupError): BackupError {
  return new BackupError(cause.code, `${cause.message}; no new export shows`, { cause, hint: 'try again' })
}

/** The address is a capability: it is sent no token, and shows up nowhere. */
async function* download(api: RenderApi, url: string, id: string, signal: AbortSignal | undefined): ByteSource {
  const failed = (code: 'provider-unreachable' | 'provider-refused', why: string) =>
    // No cause: what fetch throws may quote the address.
    new BackupError(code, `the export ${id} could not be downloaded: ${why}`, {
      hint: 'try again; a new address comes with every listing',
    })
  if (!isFitAddress(url)) throw failed('provider-refused', 'its address is not one of https')
  let response: Response
  try {
    response = await api.deps.fetch(url, { signal: signal ?? null })
  } catch {
    signal?.throwIfAborted()
    throw failed('provider-unreachable', 'no answer')
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw failed(response.status >= 500 ? 'provider-unreachable' : 'provider-refused', `status ${response.status}`)
  }
  const expected = Number(response.headers.get('content-length') ?? Number.NaN)
  let received = 0
  try {
    for await (const chunk of response.body) {
      received += chunk.byteLength
      yield chunk
    }
  } catch {
    signal?.throwIfAborted()
    throw failed('provider-unreachable', `it broke off after ${received} bytes`)
  }
  if (expected >= 0 && received !== expected && response.headers.get('content-encoding') === null)
    throw failed('provider-unreachable', `${received} of ${expected} bytes came`)
}

function isFitAddress(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && /^(127\.\d+\.\d+\.\d+|localhost)$/.test(hostname))
}

function asBackup({ id, createdAt, url }: ExportRecord, nowMs: number): ProviderBackup {
  const madeMs = Date.parse(createdAt)
  const known = !Number.isNaN(madeMs)
  const over = known && nowMs - madeMs > keptMs
  return {
    id,
    kind: 'export',
    createdAt: known ? new Date(madeMs).toISOString() : null,
    status: over ? 'gone' : url ? 'complete' : 'running',
    nativeStatus: url ? 'with url' : 'without url',
    expiresAt: known ? new Date(madeMs + keptMs).toISOString() : null,
    sizeBytes: null,
  }
}
