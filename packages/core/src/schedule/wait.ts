/** The clock and the timer of a scheduler, injected so that tests can stand in for them. */
export interface ScheduleClock {
  readonly now: () => Date
  /** Resolves after so long, or at once when the signal aborts; never rejects. */
  readonly wait: (durationMs: number, signal: AbortSignal) => Promise<void>
}

export function systemClock(): ScheduleClock {
  return { now: () => new Date(), wait }
}

function wait(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, durationMs)
    signal.addEventListener('abort', done, { once: true })
  })
}
