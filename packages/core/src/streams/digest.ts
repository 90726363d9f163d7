import { createHash } from 'node:crypto'
import type { ByteSource } from './byte-source.js'

/** Counts and hashes (SHA-256) what passes; the results hold once the source has ended. */
export class PassingDigest {
  readonly #hash = createHash('sha256')
  #bytes = 0
  #hex: string | undefined

  get bytes(): number {
    return this.#bytes
  }

  /** Lower-case hex; closes the digest. */
  get sha256(): string {
    this.#hex ??= this.#hash.digest('hex')
    return this.#hex
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.#bytes += chunk.byteLength
  }

  async *through(source: ByteSource): ByteSource {
    for await (const chunk of source) {
      this.update(chunk)
      yield chunk
    }
  }
}
