import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { largestPartBytes, type PartPlan, partBytes, partsAtOnce } from './part-size.js'

const mebibyte = 1024 * 1024
const gibibyte = 1024 * mebibyte
const tebibyte = 1024 * gibibyte

/** How many parts an object of this size is cut into. */
function partsFor(plan: PartPlan, sizeBytes: number): number {
  let part = 0
  for (let left = sizeBytes; left > 0; left -= partBytes(plan, part)) part += 1
  return part
}

const plan = (maxParts: number, expectedBytes?: number, equalParts = false): PartPlan => ({
  maxParts,
  expectedBytes,
  equalParts,
})

describe('partBytes', { timeout: 60_000 }, () => {
  it('fits anything up to 5 TiB into 10,000 parts, whatever was expected', () => {
    const sizes = fc.integer({ min: 1, max: 5 * tebibyte })
    const expectations = fc.option(fc.integer({ min: 0, max: 6 * tebibyte }), { nil: undefined })
    fc.assert(
      fc.property(sizes, expectations, (size, expected) => {
        expect(partsFor(plan(10_000, expected), size)).toBeLessThanOrEqual(10_000)
      }),
      {
        examples: [
          [5 * tebibyte, undefined],
          [5 * tebibyte, 0],
          [5 * tebibyte, 26 * gibibyte],
          [5 * tebibyte, 5 * tebibyte],
        ],
      },
    )
  })

  it('fits up to 500 GiB into 1,000 parts whatever was expected, and all that 1 GiB parts allow when it was', () => {
    const sizes = fc.integer({ min: 1, max: 500 * gibibyte })
    const expectations = fc.option(fc.integer({ min: 0, max: 6 * tebibyte }), { nil: undefined })
    fc.assert(
      fc.property(sizes, expectations, (size, expected) => {
        expect(partsFor(plan(1000, expected), size)).toBeLessThanOrEqual(1000)
      }),
      {
        examples: [
          [500 * gibibyte, undefined],
          [500 * gibibyte, 2 * gibibyte],
        ],
      },
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 * gibibyte }), size => {
        expect(partsFor(plan(1000, size), size)).toBeLessThanOrEqual(1000)
      }),
    )
  })

  it('stays within what S3 takes for a part, and never shrinks', () => {
    const plans = fc.record({
      maxParts: fc.constantFrom(1000, 10_000),
      equalParts: fc.boolean(),
      expectedBytes: fc.option(fc.integer({ min: 0, max: 50 * tebibyte }), { nil: undefined }),
    })
    fc.assert(
      fc.property(plans, fc.integer({ min: 1, max: 9999 }), (plan, part) => {
        const size = partBytes(plan, part)
        expect(size).toBeGreaterThanOrEqual(5 * mebibyte)
        expect(size).toBeLessThanOrEqual(largestPartBytes)
        expect(Number.isInteger(size)).toBe(true)
        expect(partBytes(plan, part + 1)).toBeGreaterThanOrEqual(size)
      }),
    )
  })

  it('keeps one size where the service wants it, with room for four times the expected size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: tebibyte }), fc.integer({ min: 1, max: 10_000 }), (expected, part) => {
        const equal = plan(10_000, expected, true)
        expect(partBytes(equal, part)).toBe(partBytes(equal, 1))
        expect(partsFor(equal, 4 * expected)).toBeLessThanOrEqual(10_000)
      }),
    )
    expect(partBytes(plan(10_000, undefined, true), 7)).toBe(64 * mebibyte)
  })

  it('uses 8 MiB parts for the usual database', () => {
    expect(partBytes(plan(10_000), 1)).toBe(8 * mebibyte)
    expect(partBytes(plan(10_000, gibibyte), 2000)).toBe(8 * mebibyte)
    expect(partBytes(plan(1000, gibibyte), 128)).toBe(8 * mebibyte)
  })
})

describe('partsAtOnce', () => {
  it('holds memory at about 256 MiB, but always sends', () => {
    expect(partsAtOnce(4, 8 * mebibyte)).toBe(4)
    expect(partsAtOnce(4, 100 * mebibyte)).toBe(2)
    expect(partsAtOnce(4, gibibyte)).toBe(1)
  })
})
