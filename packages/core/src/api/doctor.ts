import type { StorePolicy, StoreRole } from '../store/store-policy.js'
import type { RunOptions, SelectOptions } from './run-options.js'

export interface DoctorOptions extends RunOptions {
  /**
   * Try in each destination what a key that only backs up must not be able to do: write over an object and delete one, on
   * an object of its own. Default: false.
   */
  readonly probe?: boolean | undefined
}

/** One line of `doctor`. */
export interface DoctorCheck {
  readonly product: string | null
  /** `tools`, `connection`, `store`, `probe`, `keys`, `objects`, `provider`. */
  readonly area: string
  readonly ok: boolean
  readonly message: string
  readonly hint: string | null
}

export interface PolicyOptions extends RunOptions, SelectOptions {
  readonly role: StoreRole
}

/** The rights of a role in one destination; null where the store has no policies. */
export interface DestinationPolicy {
  readonly product: string
  readonly destination: string
  readonly location: string
  readonly role: StoreRole
  readonly policy: StorePolicy | null
}

/** What looks for trouble before it comes. */
export interface DoctorOperations {
  doctor(product?: string, options?: DoctorOptions): Promise<readonly DoctorCheck[]>
  /** The rights that a role needs in the destinations of a product, as their services take them. */
  policies(product: string, options: PolicyOptions): Promise<readonly DestinationPolicy[]>
}
