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
  /** What the store would not remove, such as locked objects. */
  readonly retained: readonly { readonly id: string; readonly message: string }[]
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
  /** What the store would not remove. */
  readonly retained: readonly { readonly key: string; readonly message: string }[]
}

/** What removes what nobody needs any more. */
export interface RetentionOperations {
  /** One result per destination of the product. */
  prune(product: string, options?: PruneOptions): Promise<readonly PruneResult[]>
  /** One result per destination of the product. `prune` does it, too. */
  sweep(product: string, options?: PruneOptions): Promise<readonly SweepResult[]>
}
