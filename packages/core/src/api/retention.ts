import type { ErrorCode } from '../errors/error-code.js'
import type { PrunePlan } from '../retention/plan-prune.js'
import type { RunOptions, SelectOptions } from './run-options.js'

export interface PruneOptions extends RunOptions, SelectOptions {
  /** Remove what the plan says. Default: false, a dry run. */
  readonly apply?: boolean | undefined
}

export interface PruneResult {
  readonly product: string
  readonly destination: string
  readonly applied: boolean
  readonly plan: PrunePlan
  readonly removed: readonly string[]
  /** What the store would not remove. `code` is that of the error where it refused or did not answer; what it keeps by a rule, such as a lock, has none. */
  readonly retained: readonly { readonly id: string; readonly message: string; readonly code?: ErrorCode | undefined }[]
  /** What crashed runs left; removed as well with `apply`. */
  readonly sweep: SweepResult
}

/** What crashed runs left in one destination. */
export interface SweepResult {
  readonly product: string
  readonly destination: string
  readonly applied: boolean
  readonly garbage: readonly {
    readonly kind: 'artifact-without-manifest' | 'expired-lock' | 'unfinished-upload'
    readonly key: string
    readonly sizeBytes: number
    /** When it was last written, RFC 3339. */
    readonly since: string
  }[]
  /** Keys. */
  readonly removed: readonly string[]
  /** What the store would not remove; as in {@link PruneResult}. */
  readonly retained: readonly {
    readonly key: string
    readonly message: string
    readonly code?: ErrorCode | undefined
  }[]
}

/** What removes what nobody needs any more. */
export interface RetentionOperations {
  /** One result per destination of the product. */
  prune(product: string, options?: PruneOptions): Promise<readonly PruneResult[]>
  /** One result per destination of the product. `prune` does it, too. */
  sweep(product: string, options?: PruneOptions): Promise<readonly SweepResult[]>
}
