import type { ByteSource } from '@lifeboat/core'

/** A run of bytes that goes up in one request. */
export interface Part {
  /** From 1. */
  readonly number: number
  readonly body: Buffer
  /** Nothing comes after it. */
  readonly last: boolean
}

const firstBufferBytes = 256 * 1024

/**
 * Cuts a source into parts. Each byte is copied once, into the buffer that is sent. A source that ends early, or at
 * once, gives one part; so whoever sees `last` on part 1 knows that a single request is enough.
 * @param sizeOf the size of part n; may throw when there may be no more parts
 * @param allocate a buffer of that size, perhaps one used before
 */
export async function* assembleParts(
  source: ByteSource,
  sizeOf: (partNumber: number) => number,
  allocate: (sizeBytes: number) => Buffer,
): AsyncGenerator<Part, void, undefined> {
  let number = 1
  let size = sizeOf(number)
  // The first part grows as it fills: most objects are small.
  let body: Buffer = Buffer.allocUnsafeSlow(Math.min(size, firstBufferBytes))
  let filled = 0
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.byteLength; ) {
      if (filled === size) {
        yield { number, body, last: false }
        number += 1
        size = sizeOf(number)
        body = allocate(size)
        filled = 0
      }
      const taken = Math.min(chunk.byteLength - offset, size - filled)
      if (filled + taken > body.length) body = grown(body, filled, Math.min(size, 4 * (filled + taken)))
      body.set(chunk.subarray(offset, offset + taken), filled)
      filled += taken
      offset += taken
    }
  }
  yield { number, body: body.subarray(0, filled), last: true }
}

function grown(body: Buffer, filled: number, sizeBytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(sizeBytes)
  body.copy(larger, 0, 0, filled)
  return larger
}
