/** Gives turns to so many at once, in the order of asking. */
export interface Turns {
  /** Does the work when it is its turn; resolves to undefined, without doing it, when the signal aborts before. */
  take<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined>
}

export function turnsFor(atOnce: number): Turns {
  let free = atOnce
  const waiting: (() => void)[] = []
  return {
    async take(work, signal) {
      if (signal.aborted) return undefined
      if (free > 0) free--
      else if (!(await waited(signal))) return undefined
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next === undefined) free++
        else next()
      }
    },
  }

  /** Whether the turn came; it is handed on by whoever had it. */
  function waited(signal: AbortSignal): Promise<boolean> {
    return new Promise(resolve => {
      const turn = () => {
        signal.removeEventListener('abort', leave)
        resolve(true)
      }
      const leave = () => {
        waiting.splice(waiting.indexOf(turn), 1)
        resolve(false)
      }
      waiting.push(turn)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
