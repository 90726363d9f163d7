import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultLeaseMs } from './locks/hold-locks.js'
import type { NotifyDeps } from './notify/notify-deps.js'
import type { CheckpointEvery } from './objects/checkpoint-writer.js'
import { findPgTools, type PgTools } from './postgres/find-pg-tools.js'
import { defaultRetryPolicy, type RetryPolicy } from './retry/retry-policy.js'

/** The outside world that core touches besides stores and databases, injected so that tests can stand in for it. */
export interface Deps {
  readonly now: () => Date
  /** A random integer below the limit. */
  readonly random: (limit: number) => number
  readonly findPgTools: () => Promise<PgTools[]>
  /** How long the holder of a lock may be silent before others take over, in ms. */
  readonly lockLeaseMs: number
  /** Resolves after so many ms; rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** How calls of stores are repeated; those that repeat their requests themselves have their own. */
  readonly retry: RetryPolicy
  /** How often a copy of objects writes down what it has. Default: every 2,000 objects, or 256 MiB. */
  readonly checkpointEvery?: CheckpointEvery | undefined
  /** What sending alerts touches. Default: the network, with the time limits of `nodeNotifyDeps`. */
  readonly notify?: Partial<NotifyDeps> | undefined
}

export function nodeDeps(): Deps {
  return {
    now: () => new Date(),
    random: limit => randomInt(limit),
    findPgTools: () => findPgTools(),
    lockLeaseMs: defaultLeaseMs,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    retry: defaultRetryPolicy,
  }
}
