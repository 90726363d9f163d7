import type { RunOptions } from './run-options.js'

/** One line of `doctor`. */
export interface DoctorCheck {
  readonly product: string | null
  /** `tools`, `connection`, `store`, `keys`. */
  readonly area: string
  readonly ok: boolean
  readonly message: string
  readonly hint: string | null
}

/** What looks for trouble before it comes. */
export interface DoctorOperations {
  doctor(product?: string, options?: RunOptions): Promise<readonly DoctorCheck[]>
}
