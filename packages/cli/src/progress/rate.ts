const windowMs = 10_000

/** How fast something moves, over the last ten seconds. */
export interface Rate {
  /** Notes that `done` was reached at `atMs`. */
  note(done: number, atMs: number): void
  /** Per second; undefined until it can be told. */
  perSecond(): number | undefined
}

export function movingRate(): Rate {
  const samples: { readonly done: number; readonly atMs: number }[] = []
  return {
    note(done, atMs) {
      const last = samples.at(-1)
      // A sum that went down is another piece of work.
      if (last !== undefined && done < last.done) samples.length = 0
      if (samples.length > 1 && atMs - samples.at(-2)!.atMs < 200) samples.pop()
      samples.push({ done, atMs })
      while (samples.length > 2 && atMs - samples[1]!.atMs >= windowMs) samples.shift()
    },
    perSecond() {
      const [first, last] = [samples[0], samples.at(-1)]
      if (first === undefined || last === undefined || last.atMs - first.atMs < 200) return undefined
      return ((last.done - first.done) * 1000) / (last.atMs - first.atMs)
    },
  }
}
