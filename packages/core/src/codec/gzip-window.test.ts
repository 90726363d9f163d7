import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { WindowChooser } from './gzip-window.js'

const mebibyte = 2 ** 20

/** Rows that repeat what stood a row before, with a random key in each. */
function rows(): Buffer {
  const lines: string[] = []
  for (let i = 0; i < 9_000; i++)
    lines.push(`${i}\tlogin\tsession ${randomBytes(16).toString('hex')} agent Mozilla/5.0\n`)
  return Buffer.from(lines.join('')).subarray(0, mebibyte / 2)
}

/** Random text whose every line comes back 20 KB later, and not sooner. */
function repeatingFromAfar(): Buffer {
  const lines = Array.from({ length: 200 }, () => `${randomBytes(49).toString('hex')}\n`).join('')
  return Buffer.from(lines.repeat(30)).subarray(0, mebibyte / 2)
}

describe('the choice of a deflate window', () => {
  it('takes a small one for rows, and the largest for what repeats from afar', async () => {
    expect(await new WindowChooser(1).choose(rows())).toBeLessThan(15)
    expect(await new WindowChooser(1).choose(repeatingFromAfar())).toBe(15)
  })

  it('makes the member no larger than the largest window would, for both', async () => {
    for (const block of [rows(), repeatingFromAfar()]) {
      const windowBits = await new WindowChooser(1).choose(block)
      const chosen = deflateRawSync(block, { level: 1, memLevel: 9, windowBits }).byteLength
      const largest = deflateRawSync(block, { level: 1, memLevel: 9 }).byteLength
      expect(chosen).toBeLessThanOrEqual(largest)
    }
  })

  it('is made anew every sixteen blocks', async () => {
    const chooser = new WindowChooser(1)
    const first = await chooser.choose(rows())
    for (let i = 1; i < 16; i++) expect(await chooser.choose(repeatingFromAfar())).toBe(first)
    expect(await chooser.choose(repeatingFromAfar())).toBe(15)
  })

  it('takes blocks of any length', async () => {
    for (const length of [0, 1, 1000]) expect(await new WindowChooser(9).choose(randomBytes(length))).toBeGreaterThan(8)
  })
})
