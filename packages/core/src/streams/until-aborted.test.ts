import { describe, expect, it } from 'vitest'
import type { ByteSource } from './byte-source.js'
import { untilAborted } from './until-aborted.js'

/** One chunk, and then nothing for ever. */
async function* silent(): ByteSource {
  yield new Uint8Array(1)
  await new Promise(() => {})
}

describe('a source that is read until a signal aborts', () => {
  it('ends at once when the signal aborts while nothing comes', async () => {
    const stopping = new AbortController()
    const reading = untilAborted(silent(), stopping.signal)[Symbol.asyncIterator]()
    await reading.next()
    const waiting = reading.next()
    stopping.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })

  it('ends at once when the signal aborted while its reader was busy with what came', async () => {
    const stopping = new AbortController()
    const reading = untilAborted(silent(), stopping.signal)[Symbol.asyncIterator]()
    await reading.next()
    stopping.abort(new Error('enough'))
    await expect(reading.next()).rejects.toThrow('enough')
  })
})
