import { createHash } from 'node:crypto'

/** What pg_dump writes behind the last row of a table. */
const terminator = Buffer.from('\\.\n\n\n')

/** Rows, bytes and SHA-256 of one table's COPY text, without the terminator that closes it. */
export class RowDigest {
  readonly #hash = createHash('sha256')
  readonly #held = Buffer.alloc(terminator.byteLength)
  #heldBytes = 0
  #newlines = 0
  #bytes = 0

  /** Takes COPY text in any split; calls `rows` with the bytes that are certainly rows. */
  update(text: Uint8Array, rows: (bytes: Uint8Array) => void): void {
    const room = terminator.byteLength
    this.#newlines += countNewlines(text)
    this.#bytes += text.byteLength
    if (text.byteLength >= room) {
      this.#release(this.#heldBytes, rows)
      const body = text.subarray(0, text.byteLength - room)
      if (body.byteLength > 0) {
        this.#hash.update(body)
        rows(body)
      }
      this.#held.set(text.subarray(text.byteLength - room))
      this.#heldBytes = room
      return
    }
    const over = this.#heldBytes + text.byteLength - room
    if (over > 0) this.#release(over, rows)
    this.#held.set(text, this.#heldBytes)
    this.#heldBytes += text.byteLength
  }

  /** Closes the table; undefined when its text does not end as pg_dump ends it. */
  finish(): { readonly rows: number; readonly bytes: number; readonly sha256: string } | undefined {
    if (this.#heldBytes !== terminator.byteLength || !this.#held.equals(terminator)) return undefined
    return {
      rows: this.#newlines - 3,
      bytes: this.#bytes - terminator.byteLength,
      sha256: this.#hash.digest('hex'),
    }
  }

  #release(count: number, rows: (bytes: Uint8Array) => void): void {
    if (count === 0) return
    const released = Buffer.from(this.#held.subarray(0, count))
    this.#hash.update(released)
    rows(released)
    this.#held.copyWithin(0, count, this.#heldBytes)
    this.#heldBytes -= count
  }
}

const noWords = new Uint32Array()

/** Counts `\n`, four bytes at a time: this runs over every byte of every backup. */
export function countNewlines(bytes: Uint8Array): number {
  let count = 0
  let i = 0
  const end = bytes.byteLength
  const head = Math.min((4 - (bytes.byteOffset & 3)) & 3, end)
  for (; i < head; i++) if (bytes[i] === 10) count++
  const wordCount = (end - i) >>> 2
  // Fewer bytes than the way to the next word: there may be no aligned place to look at.
  const words = wordCount === 0 ? noWords : new Uint32Array(bytes.buffer, bytes.byteOffset + i, wordCount)
  for (let w = 0; w < words.length; w++) {
    const x = words[w]! ^ 0x0a0a0a0a
    // Non-zero only when some byte of x may be zero; then look closer.
    if (((x - 0x01010101) & ~x & 0x80808080) !== 0) {
      if ((x & 0xff) === 0) count++
      if ((x & 0xff00) === 0) count++
      if ((x & 0xff0000) === 0) count++
      if ((x & 0xff000000) === 0) count++
    }
  }
  for (i += words.length * 4; i < end; i++) if (bytes[i] === 10) count++
  return count
}
