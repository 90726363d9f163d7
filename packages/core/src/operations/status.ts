import type { StatusOperations } from '../api/status.js'
import { readRecordKeys } from '../encryption/record-keys.js'
import { runStatus } from '../status/run-status.js'
import { statusMemory } from '../status/status-memory.js'
import { hasAlerts } from './alerts.js'
import type { OpenContext } from './open-context.js'

export function statusOperations(context: OpenContext): StatusOperations {
  const { deps, keys, folder, products, productOf } = context
  const memory = statusMemory()
  return {
    async status(options = {}) {
      const report = await runStatus(
        {
          products: (options.products ?? products).map(name => [name, productOf(name)] as const),
          readKeys: encryption => readRecordKeys(encryption, keys, folder),
          ...{ memory, now: deps.now(), retry: deps.retry },
        },
        options,
      )
      if (!report.products.some(({ product }) => hasAlerts(context, product))) return report
      const { withChannelFindings } = await import('../notify/check-channels.js')
      return withChannelFindings(context, report, options)
    },
  }
}
