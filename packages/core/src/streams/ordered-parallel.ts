/**
 * Runs `work` on up to `width` values at once and yields the results in the order of the values.
 * An error of the source or of any work ends the sequence; work already under way is awaited first.
 */
export async function* orderedParallel<T, R>(
  source: AsyncIterable<T>,
  width: number,
  work: (value: T) => Promise<R>,
): AsyncIterable<R> {
  const pending: Promise<R>[] = []
  try {
    for await (const value of source) {
      const result = work(value)
      // Its failure is seen when its turn comes; until then it must not count as unhandled.
      result.catch(() => {})
      pending.push(result)
      if (pending.length >= width) yield await pending.shift()!
    }
    while (pending.length > 0) yield await pending.shift()!
  } finally {
    await Promise.allSettled(pending)
  }
}

/** A list as a source. */
export async function* eachOf<T>(list: readonly T[]): AsyncIterable<T> {
  yield* list
}
