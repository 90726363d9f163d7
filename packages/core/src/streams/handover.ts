import type { ByteSource } from './byte-source.js'

/** Hands chunks from one loop to another, one at a time. */
export class Handover {
  #chunk: Uint8Array | undefined
  #ended = false
  #failure: { readonly error: unknown } | undefined
  readonly #waiting: (() => void)[] = []

  /** Resolves once the chunk was taken. */
  async give(chunk: Uint8Array): Promise<void> {
    this.#chunk = chunk
    this.#changed()
    while (this.#chunk !== undefined && this.#failure === undefined) await this.#change()
    if (this.#failure) throw this.#failure.error
  }

  end(): void {
    this.#ended = true
    this.#changed()
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#changed()
  }

  async *read(): ByteSource {
    for (;;) {
      const chunk = this.#chunk
      if (chunk !== undefined) {
        this.#chunk = undefined
        this.#changed()
        yield chunk
      } else if (this.#ended) return
      else await this.#change()
    }
  }

  #changed(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #change(): Promise<void> {
    return new Promise(resolve => void this.#waiting.push(resolve))
  }
}
