import type { RunOptions } from './run-options.js'

/** A disaster-recovery plan, as it was on a day. */
export interface DisasterPlan {
  readonly product: string
  /** RFC 3339. */
  readonly madeAt: string
  /** The plan, for people: Markdown. Holds no secret. */
  readonly markdown: string
}

/** What writes down beforehand what is done afterwards. */
export interface PlanOperations {
  /**
   * The disaster-recovery plan of a product, from its configuration, its listings and its records: objectives against what
   * was measured, what is kept where, and the procedure for each kind of loss with the very commands.
   */
  disasterPlan(product: string, options?: RunOptions): Promise<DisasterPlan>
}
