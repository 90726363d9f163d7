import { isBackupError } from '@lifeboat/core'
import { combinedStatus, type ExitStatus, exitStatusOf } from './exit-status.js'
import { describeError, type ErrorDocument } from './render/describe-error.js'
import type { Session } from './session.js'

/** What a command did for several products, of which some may have failed. */
export interface ProductsDone<T> {
  readonly results: readonly T[]
  /** `failures`, and `error` when nothing succeeded, for the JSON document. */
  readonly document: {
    readonly error?: ErrorDocument
    readonly failures: readonly { readonly product: string; readonly error: ErrorDocument }[]
  }
  /** The status of the whole, given those of the results. */
  statusWith(statuses: readonly ExitStatus[]): ExitStatus
}

/** Runs `work` for one product after the other; one that fails is reported and does not stop the next. */
export async function forEachProduct<T>(
  session: Session,
  products: readonly string[],
  work: (product: string) => Promise<readonly T[]>,
): Promise<ProductsDone<T>> {
  const results: T[] = []
  const failures: { product: string; error: ErrorDocument }[] = []
  const failed: ExitStatus[] = []
  for (const product of products) {
    try {
      results.push(...(await work(product)))
    } catch (error) {
      if (session.signal.aborted || isBackupError(error, 'cancelled')) throw error
      session.report(error, product)
      failures.push({ product, error: describeError(error) })
      failed.push(exitStatusOf(error))
    }
  }
  const error = results.length === 0 ? failures[0]?.error : undefined
  return {
    results,
    document: { ...(error === undefined ? {} : { error }), failures },
    statusWith: statuses => combinedStatus([...statuses, ...failed]),
  }
}
