import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ByteReader } from '../streams/byte-reader.js'
import { type ByteSource, readWhole } from '../streams/byte-source.js'
import { protect, unprotect } from './integrity-protected-data.js'

const key = randomBytes(32)
const part = 2 ** 18

const whole = (source: ByteSource) => readWhole(source, 4 * part)

async function* pieces(bytes: Buffer, length: number): ByteSource {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
}

describe('protect', () => {
  it('frames every length about the end of a part so that it reads back whole', async () => {
    const plain = randomBytes(2 * part + 16)
    for (let bytes = part - 64; bytes <= part + 8; bytes++) {
      const front = plain.subarray(0, bytes)
      const stored = await whole(protect(pieces(front, 70_001), key))
      const back = await whole(unprotect(new ByteReader(pieces(stored, 50_021)), key))
      expect(Buffer.compare(front, back), `${bytes} bytes`).toBe(0)
    }
    for (const bytes of [0, 1, 2 * part - 6, 2 * part]) {
      const front = plain.subarray(0, bytes)
      const stored = await whole(protect(pieces(front, 2 * part), key))
      expect(Buffer.compare(front, await whole(unprotect(new ByteReader(pieces(stored, 99)), key)))).toBe(0)
    }
  })
})
