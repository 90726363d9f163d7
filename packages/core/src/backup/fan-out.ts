import type { ByteSource } from '../streams/byte-source.js'

/** How many chunks a fast destination may be ahead of the slowest one. */
const aheadChunks = 4

interface Branch {
  readonly queue: Uint8Array[]
  live: boolean
  wakeReader: (() => void) | undefined
}

/**
 * Feeds one source to several sinks at the pace of the slowest. A sink that fails is let go and the others stay
 * whole; when the source fails every sink's stream throws that error, so that none can complete.
 * @param stopSource is called once no sink is left to read: a source that waits for something must end then
 * @returns one outcome per sink, in order. Rejects only with the source's own error.
 */
export async function fanOut<T>(
  source: ByteSource,
  sinks: readonly ((bytes: ByteSource) => Promise<T>)[],
  stopSource: () => void = () => {},
): Promise<PromiseSettledResult<T>[]> {
  const branches: Branch[] = sinks.map(() => ({ queue: [], live: true, wakeReader: undefined }))
  let ended = false
  let failure: { readonly error: unknown } | undefined
  let wakeWriter: (() => void) | undefined

  async function* read(branch: Branch): ByteSource {
    for (;;) {
      const chunk = branch.queue.shift()
      if (chunk !== undefined) {
        wakeWriter?.()
        yield chunk
        continue
      }
      if (failure) throw failure.error
      if (ended) return
      await new Promise<void>(resolve => {
        branch.wakeReader = resolve
      })
    }
  }

  const outcomes = sinks.map(async (sink, index) => {
    const branch = branches[index]!
    try {
      return await sink(read(branch))
    } finally {
      branch.live = false
      branch.queue.length = 0
      wakeWriter?.()
      if (!ended && branches.every(one => !one.live)) stopSource()
    }
  })
  const settled = Promise.allSettled(outcomes)
  const wakeReaders = () => {
    for (const branch of branches) branch.wakeReader?.()
  }

  try {
    for await (const chunk of source) {
      while (branches.some(branch => branch.live && branch.queue.length >= aheadChunks)) {
        await new Promise<void>(resolve => {
          wakeWriter = resolve
        })
      }
      const live = branches.filter(branch => branch.live)
      if (live.length === 0) break
      for (const branch of live) {
        branch.queue.push(chunk)
        branch.wakeReader?.()
      }
    }
    ended = true
  } catch (error) {
    // With nobody left to read, the source was stopped; why the sinks failed is what counts.
    if (branches.some(branch => branch.live)) failure = { error }
  }
  wakeReaders()
  const results = await settled
  if (failure) throw failure.error
  return results
}
