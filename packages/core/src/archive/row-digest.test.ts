import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countNewlines, RowDigest } from './row-digest.js'

const terminator = '\\.\n\n\n'

function digest(parts: readonly Uint8Array[]) {
  const rows: Buffer[] = []
  const digesting = new RowDigest()
  for (const part of parts) digesting.update(part, bytes => rows.push(Buffer.from(bytes)))
  return { result: digesting.finish(), rows: Buffer.concat(rows).toString('latin1') }
}

function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.byteLength; i++) {
    const length = lengths[i % lengths.length]!
    parts.push(bytes.subarray(at, at + length))
    at += length
  }
  return parts
}

describe('RowDigest', () => {
  it('counts and hashes the rows without the terminator, in any split', () => {
    const row = fc.constantFrom('1\tname', '', '\\N', '\\\\.', 'a\\nb', 'x'.repeat(100))
    const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(fc.array(row, { maxLength: 8 }), lengths, (values, sizes) => {
        const text = values.map(value => `${value}\n`).join('')
        const { result, rows } = digest(cut(Buffer.from(text + terminator), sizes))
        expect(rows).toBe(text)
        const sha256 = createHash('sha256').update(text).digest('hex')
        expect(result).toEqual({ rows: values.length, bytes: text.length, sha256 })
      }),
      { numRuns: 200 },
    )
  })

  it.each(['', '\\.', '\\.\n\n', 'row\n', 'row\n\\.\n\n', '\\.\n\n\nx', 'x\n\n\n\n\n'])(
    'finds that %j does not end as pg_dump ends a table',
    text => {
      expect(digest(cut(Buffer.from(text), [1])).result).toBeUndefined()
      expect(digest([Buffer.from(text)]).result).toBeUndefined()
    },
  )
})

describe('countNewlines', () => {
  it('counts as a plain loop does, at every alignment and length', () => {
    const near = [0x0a, 0x0b, 0x09, 0x00, 0x01, 0x80, 0x8a, 0xff, 0x0a]
    const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => near[(i * i + (i >> 3)) % near.length]!))
    for (let start = 0; start < 9; start++) {
      for (let end = start; end <= start + 80; end++) {
        const part = bytes.subarray(start, end)
        expect(countNewlines(part)).toBe(naive(part))
      }
      expect(countNewlines(bytes.subarray(start))).toBe(naive(bytes.subarray(start)))
    }
  })

  it('counts in any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(7), (bytes, start) => {
        const part = bytes.subarray(Math.min(start, bytes.byteLength))
        expect(countNewlines(part)).toBe(naive(part))
      }),
    )
  })
})

function naive(bytes: Uint8Array): number {
  let count = 0
  for (const byte of bytes) if (byte === 10) count++
  return count
}
