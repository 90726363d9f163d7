const longestBackoffMs = 30_000

/** How a wait before another attempt was decided. */
export interface RetryDelay {
  readonly ms: number
  /** Whether the service itself said so. */
  readonly asked: boolean
}

/**
 * How long to wait before the next attempt: what `Retry-After` says (seconds or a date, RFC 9110), else what a rate
 * limit's `…-Reset` header says, else an exponential backoff with full jitter.
 *
 * Reset headers mean seconds left at some services and seconds since the epoch at others; below 10^9 it is a duration.
 */
export function retryDelay(
  headers: Headers | undefined,
  attempt: number,
  deps: { readonly now: () => number; readonly random: () => number },
): RetryDelay {
  const asked = askedDelayMs(headers, deps.now())
  if (asked !== undefined) return { ms: asked, asked: true }
  const ceiling = Math.min(longestBackoffMs, 1000 * 2 ** (attempt - 1))
  return { ms: Math.round(ceiling * (0.5 + deps.random() / 2)), asked: false }
}

function askedDelayMs(headers: Headers | undefined, now: number): number | undefined {
  const retryAfter = headers?.get('retry-after')?.trim()
  if (retryAfter) {
    if (/^\d+(\.\d+)?$/.test(retryAfter)) return Math.ceil(Number(retryAfter) * 1000)
    const date = Date.parse(retryAfter)
    if (!Number.isNaN(date)) return Math.max(0, date - now)
  }
  const reset = headers?.get('x-ratelimit-reset') ?? headers?.get('ratelimit-reset')
  if (reset == null || !/^\d+(\.\d+)?$/.test(reset.trim())) return undefined
  const seconds = Number(reset)
  return seconds < 1e9 ? Math.ceil(seconds * 1000) : Math.max(0, seconds * 1000 - now)
}
