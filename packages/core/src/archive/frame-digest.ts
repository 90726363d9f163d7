import { createHash } from 'node:crypto'

/** How much is gathered before it is hashed: a call for every few bytes would cost more than the hashing. */
const gatherBytes = 65_536

/** SHA-256 over many small pieces. */
export class FrameDigest {
  readonly #hash = createHash('sha256')
  readonly #gathered = Buffer.allocUnsafeSlow(gatherBytes)
  #filled = 0

  update(piece: Uint8Array): void {
    if (this.#filled + piece.byteLength > gatherBytes) this.#flush()
    if (piece.byteLength > gatherBytes) {
      this.#hash.update(piece)
      return
    }
    this.#gathered.set(piece, this.#filled)
    this.#filled += piece.byteLength
  }

  /** Lower-case hex; closes the digest. */
  finish(): string {
    this.#flush()
    return this.#hash.digest('hex')
  }

  #flush(): void {
    this.#hash.update(this.#gathered.subarray(0, this.#filled))
    this.#filled = 0
  }
}
