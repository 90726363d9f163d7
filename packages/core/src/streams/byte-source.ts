/** The one public byte type: a sequence of chunks. Its regular end means success; anything else is thrown. */
export type ByteSource = AsyncIterable<Uint8Array>

/** A source of the given chunks. */
export async function* bytesOf(...chunks: readonly (Uint8Array | string)[]): ByteSource {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

/**
 * Reads a small source whole.
 * @param limitBytes refuses to hold more than this; a guard against hostile objects
 * @throws RangeError past the limit
 */
export async function readWhole(source: ByteSource, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of source) {
    total += chunk.byteLength
    if (total > limitBytes) throw new RangeError(`more than ${limitBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
