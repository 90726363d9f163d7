import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ByteSource } from '../streams/byte-source.js'
import { fanOut } from './fan-out.js'

async function collect(bytes: ByteSource): Promise<string> {
  let text = ''
  for await (const chunk of bytes) text += Buffer.from(chunk)
  return text
}

async function* chunks(count: number): ByteSource {
  for (let i = 0; i < count; i++) yield Buffer.from(`${i} `)
}

const expected = await collect(chunks(50))

describe('fanOut', () => {
  it('gives every sink all of the source, at the pace of the slowest', async () => {
    let sent = 0
    let read = 0
    let mostAhead = 0
    const source = (async function* () {
      for await (const chunk of chunks(50)) {
        sent++
        mostAhead = Math.max(mostAhead, sent - read)
        yield chunk
      }
    })()
    const slow = async (bytes: ByteSource) => {
      let text = ''
      for await (const chunk of bytes) {
        read++
        await sleep(1)
        text += Buffer.from(chunk)
      }
      return text
    }
    const outcomes = await fanOut(source, [collect, slow])
    expect(outcomes).toEqual([expected, expected].map(value => ({ status: 'fulfilled', value })))
    expect(mostAhead).toBeLessThan(8)
  })

  it('lets a sink that fails go, and the others stay whole', async () => {
    const error = new Error('full')
    const fails = async (bytes: ByteSource) => {
      for await (const _ of bytes) throw error
      return ''
    }
    const outcomes = await fanOut(chunks(50), [fails, collect])
    expect(outcomes).toEqual([
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: expected },
    ])
  })

  it("throws the source's error in every sink, so that none can complete, and rejects with it", async () => {
    const error = new Error('the dump failed')
    const seen: unknown[] = []
    const source = (async function* () {
      yield* chunks(3)
      throw error
    })()
    const sink = (bytes: ByteSource) =>
      collect(bytes).catch((reason: unknown) => {
        seen.push(reason)
        throw reason
      })
    await expect(fanOut(source, [sink, sink])).rejects.toBe(error)
    expect(seen).toEqual([error, error])
  })

  it('stops a source that is silent once no sink is left, and reports why the sinks failed', async () => {
    const stop = new AbortController()
    const source = (async function* (): ByteSource {
      yield await sleep(60_000, Buffer.from('late'), { signal: stop.signal })
    })()
    const reason = new Error('closed')
    const outcomes = await fanOut(source, [() => Promise.reject(reason)], () => stop.abort())
    expect(outcomes).toEqual([{ status: 'rejected', reason }])
  })

  it('does not stop a source that came to its end', async () => {
    let stopped = false
    await fanOut(chunks(5), [collect], () => {
      stopped = true
    })
    expect(stopped).toBe(false)
  })
})
