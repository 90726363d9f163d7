import type { ByteSource } from './byte-source.js'

/**
 * The chunks of `source`, until `signal` aborts: then it throws the signal's reason at once, even while the source is
 * silent. A generator that waits on the outside world would otherwise ignore the abort until the world answers.
 */
export async function* untilAborted(source: ByteSource, signal: AbortSignal | undefined): ByteSource {
  if (signal === undefined) {
    yield* source
    return
  }
  signal.throwIfAborted()
  const iterator = source[Symbol.asyncIterator]()
  let rejectWait: (reason: unknown) => void = () => {}
  const onAbort = () => rejectWait(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  // One promise per chunk: racing every chunk against one long-lived promise would keep all of them in memory.
  const next = () =>
    new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
      rejectWait = reject
      iterator.next().then(resolve, reject)
    })
  let ended = false
  try {
    while (true) {
      // It may have aborted while the reader was busy; nobody would tell the next wait.
      signal.throwIfAborted()
      const step = await next()
      signal.throwIfAborted()
      if (step.done) break
      yield step.value
    }
    ended = true
  } finally {
    signal.removeEventListener('abort', onAbort)
    if (!ended) await closeIterator(iterator, signal)
  }
}

async function closeIterator(iterator: AsyncIterator<Uint8Array>, signal: AbortSignal): Promise<void> {
  const closing = iterator.return?.()
  // A silent generator answers `return` only after its pending `next`; what it then says no longer matters.
  if (signal.aborted) closing?.catch(() => {})
  else await closing
}
