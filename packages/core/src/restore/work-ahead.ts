/** Work that is begun while other work goes on, one piece after the other. */
export class WorkAhead {
  readonly #stopping = new AbortController()
  readonly #signal: AbortSignal
  #last: Promise<void> = Promise.resolve()
  #closed = false
  #failure: { readonly error: unknown } | undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal
  }

  /** Begins the work once what was added before is done, unless some of it failed or `finish` was called by then. */
  add(work: (signal: AbortSignal) => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      if (this.#failure || this.#closed || this.#signal.aborted) return
      await work(this.#signal).catch((error: unknown) => {
        this.#failure = { error }
      })
    })
  }

  /** Begins nothing more; resolves when what is under way is done, and rejects with the error of what failed. */
  async finish(): Promise<void> {
    this.#closed = true
    await this.#last
    if (this.#failure) throw this.#failure.error
  }

  /** Ends what is under way, and waits for it; its errors no longer matter. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#last
  }
}
