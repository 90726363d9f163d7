import type { ByteSource } from './byte-source.js'

/**
 * Re-cuts a source into blocks of `blockBytes`, the last one shorter.
 * @param take gives the buffer of the next block once the one before was taken over. Default: a new buffer each.
 */
export async function* inBlocks(
  source: ByteSource,
  blockBytes: number,
  take: () => Buffer = () => Buffer.allocUnsafeSlow(blockBytes),
): AsyncIterable<Buffer> {
  let block = take()
  let filled = 0
  for await (const chunk of source) {
    let at = 0
    while (at < chunk.byteLength) {
      const part = Math.min(blockBytes - filled, chunk.byteLength - at)
      block.set(at === 0 && part === chunk.byteLength ? chunk : chunk.subarray(at, at + part), filled)
      filled += part
      at += part
      if (filled === blockBytes) {
        yield block
        block = take()
        filled = 0
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}

/** Buffers of one size that go round: fresh memory for every block costs more than what is done with it. */
export class BlockPool {
  readonly #free: Buffer[] = []

  constructor(readonly blockBytes: number) {}

  readonly take = (): Buffer => this.#free.pop() ?? Buffer.allocUnsafeSlow(this.blockBytes)

  /** Gives a block back, or the front of one; nobody may use it after. */
  give(block: Buffer): void {
    this.#free.push(Buffer.from(block.buffer, 0, this.blockBytes))
  }
}
