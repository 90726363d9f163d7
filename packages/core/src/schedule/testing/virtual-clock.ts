import type { ScheduleClock } from '../wait.js'

/** A clock that a test moves; whoever waits is woken in the order of its time. */
export interface VirtualClock extends ScheduleClock {
  /** Moves on to the instant, waking on the way whoever's time comes. */
  advanceTo(instant: string | Date): Promise<void>
  /** Moves without waking anybody on the way, as a machine that sleeps. */
  sleepUntil(instant: string | Date): Promise<void>
}

interface Waiter {
  readonly at: number
  readonly wake: () => void
}

export function virtualClock(start: string): VirtualClock {
  let nowMs = Date.parse(start)
  const waiters: Waiter[] = []
  return {
    now: () => new Date(nowMs),
    wait: (durationMs, signal) =>
      new Promise(resolve => {
        const waiter: Waiter = { at: nowMs + durationMs, wake }
        function wake() {
          signal.removeEventListener('abort', wake)
          const index = waiters.indexOf(waiter)
          if (index >= 0) waiters.splice(index, 1)
          resolve()
        }
        if (signal.aborted) return resolve()
        waiters.push(waiter)
        signal.addEventListener('abort', wake, { once: true })
      }),
    async advanceTo(instant) {
      const goalMs = new Date(instant).getTime()
      await settle()
      for (;;) {
        const next = waiters.reduce<Waiter | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined)
        if (next === undefined || next.at > goalMs) break
        nowMs = Math.max(nowMs, next.at)
        for (const waiter of [...waiters]) if (waiter.at <= nowMs) waiter.wake()
        await settle()
      }
      nowMs = goalMs
    },
    async sleepUntil(instant) {
      await settle()
      nowMs = new Date(instant).getTime()
      for (const waiter of [...waiters]) if (waiter.at <= nowMs) waiter.wake()
      await settle()
    },
  }
}

/** Lets everything that can go on without the clock go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
}
