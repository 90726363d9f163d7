import type { KeyOperations } from '../api/keys.js'
import type { PlanOperations } from '../api/plan.js'
import type { VerificationOperations } from '../api/verification.js'
import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { composePlan } from '../plan/compose-plan.js'
import type { OpenContext } from './open-context.js'

type Sources = Pick<VerificationOperations, 'report' | 'timeline'> & Pick<KeyOperations, 'listKeys'>

export function planOperations(context: OpenContext, sources: Sources): PlanOperations {
  return {
    async disasterPlan(product, run = {}) {
      const config = context.productOf(product)
      const { signal } = run
      const [{ products }, timeline, keys] = await Promise.all([
        sources.report({ ...run, products: [product] }),
        sources.timeline(product, run),
        sources.listKeys(product, run).catch((error: unknown) => {
          throwIfCancelled(signal)
          // A machine without the public keys can plan all the same; the plan says what is missing.
          return isBackupError(error) ? error.message : String(error)
        }),
      ])
      const now = context.deps.now()
      const markdown = composePlan({ product, config, report: products[0]!, timeline, keys, now })
      return { product, madeAt: now.toISOString(), markdown }
    },
  }
}
