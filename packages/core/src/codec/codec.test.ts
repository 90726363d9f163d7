import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type ByteSource, bytesOf } from '../streams/byte-source.js'
import { compress, decompress } from './codec.js'
import { runtimeHasZstd } from './zstd-frames.js'

async function joined(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Gives each chunk in the same buffer. */
async function* reused(bytes: Buffer): ByteSource {
  const buffer = Buffer.alloc(100_000)
  for (let at = 0; at < bytes.byteLength; at += buffer.byteLength) {
    const length = bytes.copy(buffer, 0, at)
    yield buffer.subarray(0, length)
  }
}

describe('a codec', () => {
  const plain = Buffer.concat([randomBytes(2 ** 20), Buffer.alloc(2 ** 20 + 1, 'row\n')])

  it.each(['gzip', 'none'] as const)('%s brings back what it was given', async codec => {
    const stored = await joined(compress(bytesOf(plain), { codec, level: 19 }))
    const again = await joined(decompress(bytesOf(stored), codec))
    expect(again.equals(plain)).toBe(true)
  })

  it.each(['gzip', 'none'] as const)(
    '%s takes chunks that change once the next is asked for, and gives some that stay',
    async codec => {
      const stored = await joined(compress(reused(plain), { codec, level: 1 }))
      const again = await joined(decompress(bytesOf(stored), codec))
      expect(again.equals(plain)).toBe(true)
    },
  )

  it('zstd brings back what it was given, or says that the runtime has none', async () => {
    const options = { codec: 'zstd', level: 3 } as const
    if (!runtimeHasZstd()) {
      const refusal = expect.objectContaining({ code: 'codec-unavailable', hint: expect.stringContaining('gzip') })
      expect(() => compress(bytesOf(plain), options)).toThrow(refusal)
      expect(() => decompress(bytesOf(plain), 'zstd')).toThrow(refusal)
      return
    }
    for (const bytes of [plain, Buffer.alloc(0)]) {
      const stored = await joined(compress(bytesOf(bytes), options))
      const again = await joined(decompress(bytesOf(stored), 'zstd'))
      expect(again.equals(bytes)).toBe(true)
      for (const end of [1, 11, 12, stored.byteLength - 1]) {
        const cut = joined(decompress(bytesOf(stored.subarray(0, end)), 'zstd'))
        await expect(cut).rejects.toMatchObject({ code: 'object-damaged' })
      }
    }
  })
})
