import { randomUUID } from 'node:crypto'
import { type HttpDeps, nodeHttpDeps } from '../http/http-deps.js'
import type { RetryPolicy } from '../retry/retry-policy.js'

/** What sending touches of the world, and how long it may take. */
export interface NotifyDeps extends HttpDeps {
  readonly newId: () => string
  /** How a message is sent again. */
  readonly retry: RetryPolicy
  /** Of one attempt. */
  readonly attemptMs: number
  /** Of one message, waits included. */
  readonly messageMs: number
  /** Of reading or writing the memory of one product. */
  readonly memoryMs: number
  /** How long another machine that sends may be silent before its lock is taken over. */
  readonly leaseMs: number
}

export function nodeNotifyDeps(): NotifyDeps {
  return {
    ...nodeHttpDeps(),
    newId: () => randomUUID(),
    retry: { attempts: 4, firstDelayMs: 500, longestDelayMs: 8000, budgetMs: 25_000 },
    attemptMs: 10_000,
    messageMs: 45_000,
    memoryMs: 20_000,
    leaseMs: 150_000,
  }
}
