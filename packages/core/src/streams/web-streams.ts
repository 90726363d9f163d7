import type { ByteSource } from './byte-source.js'

/** A source as the web stream that OpenPGP.js wants; pulled as it is read, let go when cancelled. */
export function toWebStream(source: ByteSource): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await iterator.next()
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        } catch (error) {
          controller.error(error)
        }
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

/** A web stream as a source; leaving early cancels it. */
export async function* fromWebStream(stream: ReadableStream<Uint8Array>): ByteSource {
  const reader = stream.getReader()
  let ended = false
  try {
    for (;;) {
      const next = await reader.read()
      if (next.done) {
        ended = true
        return
      }
      yield next.value
    }
  } finally {
    // Whoever stops reading, or was thrown an error, has no use for how the stream takes that.
    if (!ended) await reader.cancel().catch(() => {})
    reader.releaseLock()
  }
}
