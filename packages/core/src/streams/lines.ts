import type { ByteSource } from './byte-source.js'

const chunkBytes = 64 * 1024

/** Lines as bytes, each with its line feed, in chunks of some size. */
export async function* linesToBytes(lines: AsyncIterable<string>): ByteSource {
  let held: string[] = []
  let length = 0
  for await (const line of lines) {
    held.push(line, '\n')
    length += line.length + 1
    if (length < chunkBytes) continue
    yield Buffer.from(held.join(''))
    held = []
    length = 0
  }
  if (length > 0) yield Buffer.from(held.join(''))
}

/**
 * The lines of a source; a last one without its line feed counts, too.
 * @throws RangeError for a line that is longer than `limitBytes`: a guard against hostile objects
 */
export async function* bytesToLines(source: ByteSource, limitBytes = 1024 * 1024): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (rest.byteLength > 0) bytes = Buffer.concat([rest, bytes])
    let from = 0
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
      yield bytes.toString('utf8', from, at)
      from = at + 1
    }
    // Copied: a source may use its buffer again.
    rest = Buffer.from(bytes.subarray(from))
    if (rest.byteLength > limitBytes) throw new RangeError(`a line of more than ${limitBytes} bytes`)
  }
  if (rest.byteLength > 0) yield rest.toString('utf8')
}
