import { createHash } from 'node:crypto'
import type { State } from '../api/status.js'
import { requireToken, type Token } from './bearer-token.js'
import { type CachedStatus, type CacheOptions, cachedStatus, type StatusSource } from './cached-status.js'
import type { StatusAnswer } from './status-schema.js'

export interface StatusHandlerOptions extends CacheOptions {
  /** What a request must carry as `Authorization: Bearer …`. Default: everybody may ask. */
  readonly token?: Token | undefined
  /**
   * From which state on the answer is 503 instead of 200, for monitors that look at nothing else. A request chooses for
   * itself with `?strict`, `?strict=warning` or `?strict=off`. Default: `off`.
   */
  readonly strict?: 'critical' | 'warning' | 'off' | undefined
}

/** Answers a request as a fetch handler: Hono, Next, service workers take it as it is. */
export type FetchHandler = (request: Request) => Promise<Response>

/**
 * Answers GET and HEAD with the status as JSON. Looks at the stores at most once per `ttlMs`, for all requests together,
 * and never makes one wait longer than `waitMs`: it answers with the last look and says how old that is, or with 503 where
 * there is none.
 */
export function createStatusHandler(source: StatusSource, options: StatusHandlerOptions = {}): FetchHandler {
  const read = cachedStatus(source, options)
  const refuse = requireToken(options.token)
  return async request => {
    const refused = refuse(request) ?? refuseMethod(request)
    if (refused !== undefined) return refused
    const status = await read()
    const hasBody = request.method !== 'HEAD'
    if (status === undefined) return notKnown(hasBody)
    return answer(request, status, strictnessOf(request, options.strict ?? 'off'))
  }
}

/** 405 for all but GET and HEAD. */
export function refuseMethod({ method }: Request): Response | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined
  return new Response(null, { status: 405, headers: { allow: 'GET, HEAD', 'cache-control': 'no-store' } })
}

function answer(request: Request, { report, ageMs, stale }: CachedStatus, strict: 'critical' | 'warning' | 'off') {
  const body: StatusAnswer = { ...report, ageMs, stale }
  // The age grows with each second; what was seen does not.
  const seen = createHash('sha256')
    .update(JSON.stringify([report, stale]))
    .digest('base64url')
    .slice(0, 22)
  const etag = `W/"${seen}"`
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    // Kept by nobody between: whoever asks again sends the tag, and gets 304.
    'cache-control': 'private, no-cache',
    ...{ age: String(Math.floor(ageMs / 1000)), etag, vary: 'authorization' },
  }
  const status = isBad(report.state, strict) ? 503 : 200
  if (status === 200 && matches(request.headers.get('if-none-match'), etag))
    return new Response(null, { status: 304, headers })
  return new Response(request.method === 'HEAD' ? null : `${JSON.stringify(body)}\n`, { status, headers })
}

function notKnown(hasBody: boolean): Response {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'retry-after': '10',
  }
  return new Response(hasBody ? '{"error":"the stores have not been read yet"}\n' : null, { status: 503, headers })
}

function strictnessOf(request: Request, otherwise: 'critical' | 'warning' | 'off'): 'critical' | 'warning' | 'off' {
  const asked = new URL(request.url, 'http://localhost').searchParams.get('strict')
  if (asked === null) return otherwise
  return asked === 'off' || asked === 'warning' ? asked : 'critical'
}

function isBad(state: State, strict: 'critical' | 'warning' | 'off'): boolean {
  return strict !== 'off' && (state === 'critical' || (state === 'warning' && strict === 'warning'))
}

function matches(sent: string | null, etag: string): boolean {
  if (sent === null) return false
  const bare = (tag: string) => tag.trim().replace(/^W\//, '')
  return sent.trim() === '*' || sent.split(',').some(tag => bare(tag) === bare(etag))
}
