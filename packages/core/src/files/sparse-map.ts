import { truncated } from '../archive/archive-scanner.js'
import { invalid } from '../archive/front-reader.js'
import type { ByteReader } from '../streams/byte-reader.js'
import type { Extent } from './find-holes.js'
import { blockBytes } from './tar-header.js'

/** Bounds what a hostile archive may claim: a file in half a million pieces. */
const maxMapBytes = 16 * 2 ** 20

/**
 * Reads the map at the front of a file with holes (GNU tar's format 1.0).
 * @returns the parts that are no holes, and the map as it was read
 * @throws BackupError `archive-truncated`, `archive-invalid`
 */
export async function readMap(
  body: ByteReader,
  sizeBytes: number,
): Promise<{ readonly extents: readonly Extent[]; readonly bytes: Buffer }> {
  const blocks: Buffer[] = []
  let lines = 0
  let wanted = 1
  while (lines < wanted) {
    const block = Buffer.from(await body.take(blockBytes))
    if (block.length < blockBytes) throw truncated('the map of a file with holes is not whole')
    blocks.push(block)
    if (blocks.length * blockBytes > maxMapBytes) throw invalid('the map of a file with holes is too large')
    for (const byte of block) if (byte === 0x0a) lines++
    if (lines > 0 && wanted === 1) wanted = 1 + 2 * numberOf(textBefore(blocks[0]!))
  }
  const bytes = Buffer.concat(blocks)
  const numbers = bytes.toString('latin1').split('\n').slice(1, wanted).map(numberOf)
  const extents: Extent[] = []
  let end = 0
  for (let at = 0; at < numbers.length; at += 2) {
    const extent = { offset: numbers[at]!, bytes: numbers[at + 1]! }
    if (extent.offset < end || extent.offset + extent.bytes > sizeBytes)
      throw invalid('the map of a file with holes contradicts itself')
    end = extent.offset + extent.bytes
    if (extent.bytes > 0) extents.push(extent)
  }
  return { extents, bytes }
}

function textBefore(block: Buffer): string {
  return block.toString('latin1', 0, block.indexOf(0x0a))
}

function numberOf(text: string): number {
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) throw invalid('the map of a file with holes is damaged')
  return value
}
