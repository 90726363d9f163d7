import type { ByteSource } from './byte-source.js'

/** Reads a source by exact lengths. */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>
  #buffered: Uint8Array[] = []
  #bufferedBytes = 0
  #ended = false

  constructor(source: ByteSource) {
    this.#iterator = source[Symbol.asyncIterator]()
  }

  /** The next `count` bytes without consuming them; fewer only at the end of the source. */
  async peek(count: number): Promise<Buffer> {
    await this.#fill(count)
    const first = this.#buffered[0]
    if (first !== undefined && first.byteLength < count && this.#buffered.length > 1) {
      this.#buffered = [Buffer.concat(this.#buffered)]
    }
    const whole = this.#buffered[0] ?? new Uint8Array()
    return Buffer.from(whole.buffer, whole.byteOffset, Math.min(count, whole.byteLength))
  }

  /** Consumes exactly `count` bytes; fewer only at the end of the source. */
  async take(count: number): Promise<Buffer> {
    await this.#fill(count)
    const wanted = Math.min(count, this.#bufferedBytes)
    const first = this.#buffered[0]
    if (first !== undefined && first.byteLength > wanted) {
      this.#buffered[0] = first.subarray(wanted)
      this.#bufferedBytes -= wanted
      return Buffer.from(first.buffer, first.byteOffset, wanted)
    }
    const out = Buffer.allocUnsafeSlow(wanted)
    let filled = 0
    while (filled < wanted) {
      const chunk = this.#buffered[0]!
      const part = chunk.byteLength <= wanted - filled ? chunk : chunk.subarray(0, wanted - filled)
      out.set(part, filled)
      filled += part.byteLength
      if (part.byteLength === chunk.byteLength) this.#buffered.shift()
      else this.#buffered[0] = chunk.subarray(part.byteLength)
    }
    this.#bufferedBytes -= wanted
    return out
  }

  /** Everything that was not consumed. */
  async *rest(): ByteSource {
    const buffered = this.#buffered
    this.#buffered = []
    this.#bufferedBytes = 0
    yield* buffered
    while (!this.#ended) {
      const next = await this.#iterator.next()
      if (next.done) this.#ended = true
      else yield next.value
    }
  }

  /** Lets the source go before its end. */
  async close(): Promise<void> {
    if (!this.#ended) await this.#iterator.return?.()
    this.#ended = true
  }

  async #fill(count: number): Promise<void> {
    while (this.#bufferedBytes < count && !this.#ended) {
      const next = await this.#iterator.next()
      if (next.done) this.#ended = true
      else if (next.value.byteLength > 0) {
        this.#buffered.push(next.value)
        this.#bufferedBytes += next.value.byteLength
      }
    }
  }
}
