import type { ProductState } from './run-schedule.js'

/** What a health endpoint says; `version` is of this shape. */
export interface HealthReport {
  readonly version: 1
  readonly state: 'running' | 'stopping'
  readonly startedAt: string
  readonly checkedAt: string
  readonly products: readonly ProductState[]
}

/** What a scheduler or a worker is doing, kept for whoever asks. */
export interface Health {
  /** Of {@link RunScheduleOptions.onState}. */
  readonly note: (state: ProductState) => void
  readonly report: () => HealthReport
  /** Answers GET and HEAD with the report: 200 while it runs, whatever became of the runs. */
  readonly handler: (request: Request) => Promise<Response>
}

/** @param stopping aborts when it ends */
export function createHealth(now: () => Date, stopping: AbortSignal): Health {
  const startedAt = now().toISOString()
  const products = new Map<string, ProductState>()
  const report = (): HealthReport => ({
    version: 1,
    state: stopping.aborted ? 'stopping' : 'running',
    startedAt,
    checkedAt: now().toISOString(),
    products: [...products.values()],
  })
  return {
    note: state => products.set(`${state.product}/${state.set ?? ''}`, state),
    report,
    async handler(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
      const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }
      return new Response(request.method === 'HEAD' ? null : `${JSON.stringify(report())}\n`, { headers })
    },
  }
}
