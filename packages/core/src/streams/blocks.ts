import type { ByteSource } from './byte-source.js'

/** Re-cuts a source into blocks of `blockBytes`, the last one shorter. Every block is a buffer of its own. */
export async function* inBlocks(source: ByteSource, blockBytes: number): AsyncIterable<Buffer> {
  let block = Buffer.allocUnsafeSlow(blockBytes)
  let filled = 0
  for await (const chunk of source) {
    let at = 0
    while (at < chunk.byteLength) {
      const take = Math.min(blockBytes - filled, chunk.byteLength - at)
      block.set(at === 0 && take === chunk.byteLength ? chunk : chunk.subarray(at, at + take), filled)
      filled += take
      at += take
      if (filled === blockBytes) {
        yield block
        block = Buffer.allocUnsafeSlow(blockBytes)
        filled = 0
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}
