/** Which contents are needed, a bit for each: a hundred million of them take 12 MB. */
export class ContentMarks {
  readonly #runs = new Map<string, Uint8Array>()
  #count = 0

  /** How many are marked. */
  get count(): number {
    return this.#count
  }

  /** Whether this made the mark. */
  mark(run: string, number: number): boolean {
    let bits = this.#runs.get(run)
    const at = number >> 3
    if (bits === undefined || at >= bits.length) {
      const grown = new Uint8Array(Math.max(64, at + 1, (bits?.length ?? 0) * 2))
      if (bits !== undefined) grown.set(bits)
      bits = grown
      this.#runs.set(run, bits)
    }
    const bit = 1 << (number & 7)
    if ((bits[at]! & bit) !== 0) return false
    bits[at]! |= bit
    this.#count += 1
    return true
  }

  /** The runs that have marks, and how many. */
  *runs(): Generator<{ readonly run: string; readonly count: number }> {
    for (const [run, bits] of this.#runs) {
      let count = 0
      for (const byte of bits) for (let left = byte; left !== 0; left &= left - 1) count += 1
      yield { run, count }
    }
  }

  /** What is marked of a run, in order. */
  *numbersOf(run: string): Generator<number> {
    for (const [at, byte] of (this.#runs.get(run) ?? []).entries())
      for (let bit = 0; byte >> bit !== 0; bit++) if ((byte & (1 << bit)) !== 0) yield at * 8 + bit
  }

  has(run: string, number: number): boolean {
    const bits = this.#runs.get(run)
    return bits !== undefined && ((bits[number >> 3] ?? 0) & (1 << (number & 7))) !== 0
  }
}
