import { promisify } from 'node:util'
import { deflateRaw } from 'node:zlib'

const deflateAsync = promisify(deflateRaw)

/**
 * Windows tried, as powers of two. Rows of a table repeat what stood a few rows before, and a short distance takes
 * fewer bits and a shorter search; long texts and documents repeat from afar (docs/decisions/0010-gzip-window.md).
 */
const largestWindowBits = 15
const candidates = [largestWindowBits, 13, 12]
/** How many blocks one choice holds for, and how much of the first of them is tried: about 2 % more to compress. */
const blocksPerChoice = 16
const sampleBytes = 128 * 1024

/** Picks, block by block and in their order, the deflate window that makes the least of them. */
export class WindowChooser {
  #blocks = 0
  #choice: Promise<number> = Promise.resolve(largestWindowBits)

  constructor(readonly level: number) {}

  choose(block: Uint8Array): Promise<number> {
    if (this.#blocks++ % blocksPerChoice === 0) this.#choice = this.#smallest(block)
    return this.#choice
  }

  async #smallest(block: Uint8Array): Promise<number> {
    const start = Math.max(0, (block.byteLength - sampleBytes) >> 1)
    const sample = block.subarray(start, start + sampleBytes)
    const sizes = await Promise.all(
      candidates.map(async windowBits => {
        const tried = await deflateAsync(sample, { level: this.level, memLevel: 9, windowBits, chunkSize: sampleBytes })
        return tried.byteLength
      }),
    )
    return candidates[sizes.indexOf(Math.min(...sizes))]!
  }
}
