/** What goes wrong with one request to an {@link OpenApiServer}. */
export type ApiFault =
  /** The handler is not asked; this comes back. A status that the document knows is checked against it. */
  | {
      readonly kind: 'answer'
      readonly status: number
      /** Sent as JSON; left out, the body is empty. */
      readonly body?: unknown
      readonly headers?: Readonly<Record<string, string>>
    }
  /** The handler is not asked; this text comes back as it is, `text/html` unless a header says otherwise. */
  | {
      readonly kind: 'text'
      readonly status: number
      readonly text: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** The request is answered, later. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The connection is reset before the handler sees the request. */
  | { readonly kind: 'reset' }
  /** The handler does its work, but its answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** The handler does its work, but half of the answer's body is missing. */
  | { readonly kind: 'cut-answer' }

/** 429 as providers send it. */
export function tooManyRequests(retryAfterSeconds: number, body: unknown = { message: 'rate limit exceeded' }) {
  return { kind: 'answer', status: 429, body, headers: { 'retry-after': String(retryAfterSeconds) } } as const
}

/** Faults that wait for their request. */
export class FaultQueue {
  readonly #waiting: { readonly operationId: string | undefined; readonly fault: ApiFault; left: number }[] = []

  add(operationId: string | undefined, fault: ApiFault, times: number): void {
    this.#waiting.push({ operationId, fault, left: times })
  }

  /** The fault that the next request of this operation meets, if any. */
  take(operationId: string): ApiFault | undefined {
    const index = this.#waiting.findIndex(one => one.operationId === undefined || one.operationId === operationId)
    const met = this.#waiting[index]
    if (met === undefined) return undefined
    met.left -= 1
    if (met.left === 0) this.#waiting.splice(index, 1)
    return met.fault
  }

  clear(): void {
    this.#waiting.length = 0
  }

  get pending(): number {
    return this.#waiting.reduce((sum, one) => sum + one.left, 0)
  }
}
