import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fastDeflate, mostFastBytes } from './fast-deflate.js'

const kibibyte = 1024
/** What gets codes of its own, and how far back a repeat may lie. */
const blockBytes = 128 * kibibyte
const windowBytes = 32 * kibibyte

const deflated = (plain: Uint8Array) => Buffer.from(fastDeflate(plain))

/** zlib, which is not ours, reads it back. */
function expectWhole(plain: Buffer): void {
  const again = inflateRawSync(deflated(plain))
  // Comparing by `toEqual` would print a mebibyte.
  expect([again.byteLength, again.equals(plain)]).toEqual([plain.byteLength, true])
}

/** Bytes from a seed, the same each time. */
function noise(seed: string, bytes: number): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i * 64 < bytes; i++) parts.push(createHash('sha512').update(`${seed} ${i}`).digest())
  return Buffer.concat(parts).subarray(0, bytes)
}

const rows = (count: number) =>
  Buffer.from(
    Array.from(
      { length: count },
      (_, i) => `${i}\tlogin\tsession ${noise(`${i}`, 16).toString('hex')} agent Mozilla/5.0\n`,
    ).join(''),
  )

describe('fast deflate', () => {
  it('brings back every length up to a few hundred, and the lengths around a block', () => {
    const lengths = [...Array(600).keys()]
    for (const round of [1, 2, 8]) for (const off of [-17, -16, -1, 0, 1, 2, 15]) lengths.push(round * blockBytes + off)
    const table = rows(20_000)
    for (const length of lengths.filter(one => one <= mostFastBytes)) expectWhole(table.subarray(0, length))
  })

  it.each([
    ['nothing but zeros', Buffer.alloc(mostFastBytes)],
    ['noise', noise('noise', mostFastBytes)],
    ['noise with a little text in it', Buffer.concat([noise('a', 200_000), rows(100), noise('b', 200_000)])],
    ['two bytes in turn', Buffer.from('ab'.repeat(100_000))],
    ['one byte of all', Buffer.concat([Buffer.alloc(70_000, 1), Buffer.from([7])])],
    ['each byte once', Buffer.from([...Array(256).keys()])],
    ['digits', Buffer.from(noise('digits', 50_000).toString('hex'))],
  ])('brings back %s', (_, plain) => {
    expectWhole(plain)
  })

  it.each([3, 4, 5, 6, 257, 258, 259, 260, 261, 262, 515, 516, 517, 519, 5_000])(
    'brings back repeats of %i bytes',
    length => {
      const once = noise(`${length}`, length)
      for (const between of [0, 1, 40, 70]) {
        const gap = noise(`gap ${length}`, between)
        expectWhole(Buffer.concat([once, gap, once, noise('more', 50), once, gap, once]))
      }
    },
  )

  it.each([-1, 0, 1])('brings back what repeats from the edge of the window, %i bytes off', off => {
    const once = noise('once', 300)
    expectWhole(Buffer.concat([once, noise('between', windowBytes - 300 + off), once, noise('end', 99)]))
  })

  it('brings back bytes whose codes would be far longer than deflate has them', () => {
    // Fibonacci's numbers make the deepest tree there is: here 23 levels.
    const counts = [1, 1]
    while (counts.length < 24) counts.push(counts.at(-1)! + counts.at(-2)!)
    const all = Buffer.concat(counts.map((count, byte) => Buffer.alloc(count, byte * 5)))
    // In an order that repeats nothing: by the hash of where each stands.
    const order = [...all.keys()].map(at => [noise(`${at}`, 8).readUInt32LE(0), all[at]!] as const)
    const mixed = Buffer.from(order.sort(([a], [b]) => a - b).map(([, byte]) => byte))
    expectWhole(mixed)
    // The longest codes next to each other, wherever in a byte they begin.
    const rarest = all.subarray(0, 9)
    for (let at = 0; at < 16; at++) expectWhole(Buffer.concat([mixed.subarray(0, at), rarest, mixed.subarray(at)]))
  })

  it('brings back whatever it is given', () => {
    const piece = fc.oneof(
      fc.record({ kind: fc.constant('noise' as const), bytes: fc.nat(5_000), seed: fc.nat() }),
      fc.record({ kind: fc.constant('hex' as const), bytes: fc.nat(2_000), seed: fc.nat() }),
      fc.record({ kind: fc.constant('run' as const), bytes: fc.nat(70_000), seed: fc.nat(255) }),
      fc.record({ kind: fc.constant('again' as const), bytes: fc.nat(1_500), seed: fc.nat(40_000) }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), pieces => {
        let plain = Buffer.alloc(0)
        for (const { kind, bytes, seed } of pieces) {
          const far = Math.max(0, plain.byteLength - seed)
          const more = {
            noise: () => noise(`${seed}`, bytes),
            hex: () => Buffer.from(noise(`${seed}`, bytes).toString('hex')),
            run: () => Buffer.alloc(bytes, seed),
            again: () => plain.subarray(far, far + bytes),
          }[kind]()
          plain = Buffer.concat([plain, more])
        }
        expectWhole(plain.subarray(0, mostFastBytes))
      }),
      { numRuns: 150 },
    )
  })

  it('makes the same of the same bytes, whatever it did before', () => {
    // Short repeats, of which the last often goes on in what lies behind the end from before.
    const table = Buffer.from([...noise('keys', 90)].map(key => `x${key}=on;`).join(''))
    for (let length = 1; length < 600; length++) {
      const plain = table.subarray(0, length)
      deflated(table.subarray(0, length + 50))
      const first = deflated(plain)
      deflated(noise('other', 1_000))
      expect([length, deflated(plain).equals(first)]).toEqual([length, true])
    }
  })

  it('makes rows smaller than zlib at its first level does, and noise hardly longer', () => {
    const table = rows(15_000).subarray(0, mostFastBytes)
    expect(deflated(table).byteLength).toBeLessThan(deflateRawSync(table, { level: 1 }).byteLength)
    expect(deflated(randomBytes(mostFastBytes)).byteLength).toBeLessThan(mostFastBytes + 200)
  })

  it('refuses more than fits its memory', () => {
    expect(() => fastDeflate(Buffer.alloc(mostFastBytes + 1))).toThrow(RangeError)
  })

  it('is what its source makes', async () => {
    const build = fileURLToPath(new URL('../../assembly/build.mjs', import.meta.url))
    await promisify(execFile)(process.execPath, [build, '--check'])
  })
})
