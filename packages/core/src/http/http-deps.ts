import { setTimeout as wait } from 'node:timers/promises'

/** What HTTP calls touch of the world, injected so that tests need no waiting. */
export interface HttpDeps {
  readonly fetch: typeof fetch
  /** Rejects with the signal's reason when it aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** From 0 up to, not including, 1. */
  readonly random: () => number
}

export function nodeHttpDeps(): HttpDeps {
  return {
    fetch: (input, init) => fetch(input, init),
    async sleep(ms, signal) {
      try {
        await wait(ms, undefined, { signal })
      } catch (error) {
        signal?.throwIfAborted()
        throw error
      }
    },
    now: () => Date.now(),
    random: () => Math.random(),
  }
}
