import type { ByteSource } from '@lifeboat/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assembleParts, type Part } from './assemble-parts.js'

async function* sourceOf(chunks: readonly Uint8Array[]): ByteSource {
  yield* chunks
}

describe('assembleParts', { timeout: 60_000 }, () => {
  it('keeps every byte in order, fills every part but the last, and marks the last', async () => {
    const sizes = [5, 5, 10, 20]
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 12 }), async chunks => {
        const parts: { number: number; bytes: Buffer; last: boolean }[] = []
        const sizeOf = (number: number) => sizes[number - 1] ?? 40
        for await (const { number, body, last } of assembleParts(sourceOf(chunks), sizeOf, Buffer.alloc)) {
          parts.push({ number, bytes: Buffer.from(body), last })
        }
        expect(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(Buffer.concat(chunks))).toBe(true)
        expect(parts.map(({ number }) => number)).toEqual(parts.map((_, i) => i + 1))
        expect(parts.map(({ last }) => last)).toEqual(parts.map((_, i) => i === parts.length - 1))
        for (const part of parts.slice(0, -1)) expect(part.bytes.length).toBe(sizeOf(part.number))
        if (parts.length > 1) expect(parts.at(-1)?.bytes.length).toBeGreaterThan(0)
      }),
    )
  })

  it('gives one empty part for an empty source', async () => {
    const parts: Part[] = []
    for await (const part of assembleParts(sourceOf([]), () => 10, Buffer.alloc)) parts.push(part)
    expect(parts).toEqual([{ number: 1, body: Buffer.alloc(0), last: true }])
  })

  it('fails, and closes the source, when there may be no more parts', async () => {
    let closed = false
    async function* endless(): ByteSource {
      try {
        while (true) yield Buffer.alloc(7)
      } finally {
        closed = true
      }
    }
    const sizeOf = (number: number) => {
      if (number > 3) throw new Error('no more parts')
      return 10
    }
    const reading = async () => {
      for await (const _ of assembleParts(endless(), sizeOf, Buffer.alloc));
    }
    await expect(reading()).rejects.toThrow('no more parts')
    expect(closed).toBe(true)
  })
})
