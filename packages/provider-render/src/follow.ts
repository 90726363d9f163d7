import { BackupError, type EventListener, isBackupError, retryable } from '@lifeboat/core'
import type { HttpDeps } from '@lifeboat/core/http'

const firstWaitMs = 3_000
const longestWaitMs = 15_000

export interface FollowWork {
  /** For the message when the time is over. */
  readonly what: string
  readonly timeoutMs: number
  /** What to do when the time is over. */
  readonly hint: string
  readonly deps: Pick<HttpDeps, 'now' | 'sleep'>
  readonly signal?: AbortSignal | undefined
}

/**
 * Looks until there is something to see: after 3 s, then in growing steps up to 15 s, as Render's own Terraform provider
 * does. A look that fails for a while (no answer, 5xx, 429, a body that says nothing) is no reason to let go of what is under way.
 * @throws BackupError `timed-out`, or the last failure where no look has worked since
 */
export async function followUntil<T>(look: () => Promise<T | undefined>, work: FollowWork): Promise<T> {
  const { deps, signal } = work
  const until = deps.now() + work.timeoutMs
  let waitMs = firstWaitMs
  let failure: unknown
  for (;;) {
    try {
      const seen = await look()
      if (seen !== undefined) return seen
      failure = undefined
    } catch (error) {
      signal?.throwIfAborted()
      if (!isBackupError(error) || !passing(error)) throw error
      failure = error
    }
    if (deps.now() + waitMs > until) break
    await deps.sleep(waitMs, signal)
    waitMs = Math.min(longestWaitMs, waitMs * 1.2)
  }
  if (failure !== undefined) throw failure
  const minutes = Math.round(work.timeoutMs / 60_000)
  throw new BackupError('timed-out', `${work.what}: not in ${minutes} min`, { hint: work.hint })
}

function passing({ code }: BackupError): boolean {
  return retryable(code) || code === 'provider-answer-invalid'
}

/** Tells a listener. One that throws breaks nothing: it is the caller's own code. */
export function report(onEvent: EventListener | undefined, event: Parameters<EventListener>[0]): void {
  try {
    onEvent?.(event)
  } catch {
    // A broken progress bar must never break a recovery.
  }
}
