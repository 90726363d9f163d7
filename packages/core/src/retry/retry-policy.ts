/** How often, and for how long, a call that failed is made again. */
export interface RetryPolicy {
  /** How often a call is made at most, the first time included. */
  readonly attempts: number
  /** The longest wait before the second attempt; it doubles with each one, and the wait is drawn from 0 to it. */
  readonly firstDelayMs: number
  /** No wait is drawn from more than this. */
  readonly longestDelayMs: number
  /** What all waits of one call may add up to. A service that asks for a longer one is not waited for. */
  readonly budgetMs: number
}

/** Six attempts, waits of up to 0.3, 0.6, 1.2, 2.4 and 4.8 s, and no more than a minute of waiting for one call. */
export const defaultRetryPolicy: RetryPolicy = Object.freeze({
  attempts: 6,
  firstDelayMs: 300,
  longestDelayMs: 20_000,
  budgetMs: 60_000,
})

/** What went before the attempt that is to be decided on. */
export interface RetryHistory {
  /** How many attempts have failed. */
  readonly failures: number
  /** What has been waited for this call. */
  readonly waitedMs: number
  /** What the service asked for, as in `Retry-After`. */
  readonly askedMs?: number | undefined
}

/**
 * How long to wait before the next attempt; undefined: no more. The wait is drawn from all of the window ("full jitter",
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that clients which failed together do
 * not come back together. It comes on top of what the service asked for.
 */
export function nextDelayMs(
  policy: RetryPolicy,
  { failures, waitedMs, askedMs = 0 }: RetryHistory,
  random: () => number = Math.random,
): number | undefined {
  if (failures >= policy.attempts) return undefined
  const window = Math.min(policy.longestDelayMs, policy.firstDelayMs * 2 ** (failures - 1))
  // All who were asked to come back in ten seconds must not come in the same one.
  const delayMs = Math.ceil(askedMs + random() * window)
  return waitedMs + delayMs > policy.budgetMs ? undefined : delayMs
}
