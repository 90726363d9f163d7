import { requireToken, type Token } from '../status/bearer-token.js'
import { type CacheOptions, cachedStatus, type StatusSource } from '../status/cached-status.js'
import { type FetchHandler, refuseMethod } from '../status/status-handler.js'
import { type MetricsSource, metricsContentType, renderMetrics } from './render-metrics.js'

export interface MetricsHandlerOptions extends CacheOptions {
  /** What a request must carry as `Authorization: Bearer …`. Default: everybody may ask. */
  readonly token?: Token | undefined
  /** What else belongs on the page. Default: nothing. */
  readonly more?: readonly MetricsSource[] | undefined
}

/** Answers GET and HEAD with the status as Prometheus scrapes it; 503 while the stores could not be read yet. */
export function createMetricsHandler(source: StatusSource, options: MetricsHandlerOptions = {}): FetchHandler {
  const read = cachedStatus(source, options)
  const refuse = requireToken(options.token)
  return async request => {
    const refused = refuse(request) ?? refuseMethod(request)
    if (refused !== undefined) return refused
    const status = await read()
    const headers = { 'content-type': metricsContentType, 'cache-control': 'no-store' }
    if (status === undefined)
      return new Response(request.method === 'HEAD' ? null : '# the stores have not been read yet\n', {
        ...{ status: 503, headers: { ...headers, 'retry-after': '10' } },
      })
    const text = await renderMetrics(status.report, options.more)
    return new Response(request.method === 'HEAD' ? null : text, { headers })
  }
}
