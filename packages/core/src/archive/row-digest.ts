import { createHash, type Hash } from 'node:crypto'

/** What pg_dump writes behind the last row of a table. */
const terminator = Buffer.from('\\.\n\n\n')

/** Rows, bytes and SHA-256 of one table's COPY text, without the terminator that closes it. */
export class RowDigest {
  readonly #hash: Hash | undefined
  readonly #held = Buffer.alloc(terminator.byteLength)
  #heldBytes = 0
  #newlines = 0
  #bytes = 0

  /** @param hashed `false` where whoever is given the rows hashes them */
  constructor(hashed = true) {
    this.#hash = hashed ? createHash('sha256') : undefined
  }

  /** Takes COPY text in any split; calls `rows` with the bytes that are certainly rows. */
  update(text: Uint8Array, rows: (bytes: Uint8Array) => void): void {
    const room = terminator.byteLength
    this.#newlines += countNewlines(text)
    this.#bytes += text.byteLength
    if (text.byteLength >= room) {
      this.#release(this.#heldBytes, rows)
      const body = text.subarray(0, text.byteLength - room)
      if (body.byteLength > 0) {
        this.#hash?.update(body)
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
  finish(): { readonly rows: number; readonly bytes: number; readonly sha256: string | undefined } | undefined {
    if (this.#heldBytes !== terminator.byteLength || !this.#held.equals(terminator)) return undefined
    return {
      rows: this.#newlines - 3,
      bytes: this.#bytes - terminator.byteLength,
      sha256: this.#hash?.digest('hex'),
    }
  }

  #release(count: number, rows: (bytes: Uint8Array) => void): void {
    if (count === 0) return
    const released = Buffer.from(this.#held.subarray(0, count))
    this.#hash?.update(released)
    rows(released)
    this.#held.copyWithin(0, count, this.#heldBytes)
    this.#heldBytes -= count
  }
}

const noWords = new Int32Array()
/** `\n` in each byte of a word. */
const newlines = 0x0a0a0a0a

/** Counts `\n`, sixteen bytes at a time: this runs over every byte of every backup. */
export function countNewlines(bytes: Uint8Array): number {
  const end = bytes.byteLength
  const head = Math.min((4 - (bytes.byteOffset & 3)) & 3, end)
  // Fewer bytes than the way to the next word: there may be no aligned place to look at.
  const wordCount = ((end - head) >>> 4) << 2
  const words = wordCount === 0 ? noWords : new Int32Array(bytes.buffer, bytes.byteOffset + head, wordCount)
  let count = countBytes(bytes, 0, head)
  for (let w = 0; w < wordCount; w += 4) {
    const a = words[w]! ^ newlines
    const b = words[w + 1]! ^ newlines
    const c = words[w + 2]! ^ newlines
    const d = words[w + 3]! ^ newlines
    if (((mayHoldZero(a) | mayHoldZero(b) | mayHoldZero(c) | mayHoldZero(d)) & 0x80808080) !== 0)
      count += zeroBytes(a) + zeroBytes(b) + zeroBytes(c) + zeroBytes(d)
  }
  return count + countBytes(bytes, head + wordCount * 4, end)
}

/** Has a byte's highest bit set when that byte of `word` is zero; maybe also when a lower one is. */
function mayHoldZero(word: number): number {
  return (word - 0x01010101) & ~word
}

function zeroBytes(word: number): number {
  return (
    ((word & 0xff) === 0 ? 1 : 0) +
    ((word & 0xff00) === 0 ? 1 : 0) +
    ((word & 0xff0000) === 0 ? 1 : 0) +
    ((word & 0xff000000) === 0 ? 1 : 0)
  )
}

function countBytes(bytes: Uint8Array, from: number, to: number): number {
  let count = 0
  for (let i = from; i < to; i++) if (bytes[i] === 10) count++
  return count
}
