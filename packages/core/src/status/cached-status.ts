import type { StatusOperations, StatusReport } from '../api/status.js'
import { withinTime } from './within-time.js'

/** What a handler asks of the toolkit. */
export type StatusSource = StatusOperations

export interface CacheOptions {
  /** Only these. Default: all. */
  readonly products?: readonly string[] | undefined
  /** Whether keys are judged, too: see `StatusOptions.keys`. Default: false. */
  readonly keys?: boolean | undefined
  /** How long an answer is good, in ms. Default: 60,000. */
  readonly ttlMs?: number | undefined
  /** How long a request waits for a new look, in ms; then it gets the last one. Default: 5,000. */
  readonly waitMs?: number | undefined
  /** How old a look may be that is still given out, in ms. Default: 3,600,000. */
  readonly staleMs?: number | undefined
  /** How long a look at all stores may take, in ms. Default: 30,000. */
  readonly timeoutMs?: number | undefined
  /** Default: the system's clock. */
  readonly now?: (() => Date) | undefined
}

export interface CachedStatus {
  readonly report: StatusReport
  readonly ageMs: number
  /** It should be newer, and could not be had in time. */
  readonly stale: boolean
}

/**
 * The newest look at the stores: one look at a time for all who ask, which goes on when they are gone. Undefined: there is
 * none that may still be given out.
 */
export function cachedStatus(source: StatusSource, options: CacheOptions): () => Promise<CachedStatus | undefined> {
  const { products, keys, ttlMs = 60_000, waitMs = 5_000, staleMs = 3_600_000, timeoutMs } = options
  const now = options.now ?? (() => new Date())
  let last: { readonly report: StatusReport; readonly atMs: number } | undefined
  let looking: Promise<void> | undefined

  const look = async () => {
    try {
      const report = await source.status({ products, keys, timeoutMs })
      last = { report, atMs: now().getTime() }
    } finally {
      looking = undefined
    }
  }
  const fresh = () => last !== undefined && now().getTime() - last.atMs < ttlMs

  return async () => {
    if (!fresh()) {
      looking ??= look()
      // A look that fails or takes long leaves the last one, and that one says how old it is.
      const looked = looking
      await withinTime(() => looked, { ms: waitMs, doing: 'read the stores' }).catch(() => {})
    }
    if (last === undefined) return undefined
    const ageMs = Math.max(0, now().getTime() - last.atMs)
    return ageMs > staleMs ? undefined : { report: last.report, ageMs, stale: !fresh() }
  }
}
