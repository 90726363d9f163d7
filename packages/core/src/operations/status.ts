import type { KeyOperations } from '../api/keys.js'
import type { StatusOperations } from '../api/status.js'
import { readRecordKeys } from '../encryption/record-keys.js'
import type { KeyFinding } from '../keys/key-state.js'
import { runStatus } from '../status/run-status.js'
import { statusMemory } from '../status/status-memory.js'
import { hasAlerts } from './alerts.js'
import { keyOperations } from './keys.js'
import type { OpenContext } from './open-context.js'

/** Keys grow old by the day. */
const keysRememberedMs = 6 * 60 * 60 * 1000

export function statusOperations(
  context: OpenContext,
  { listKeys }: Pick<KeyOperations, 'listKeys'> = keyOperations(context),
): StatusOperations {
  const { deps, keys, folder, products, productOf } = context
  const memory = statusMemory()
  const knownKeys = new Map<string, { readonly atMs: number; readonly findings: readonly KeyFinding[] }>()
  const readKeyFindings = async (product: string, signal: AbortSignal) => {
    const nowMs = deps.now().getTime()
    const known = knownKeys.get(product)
    if (known !== undefined && nowMs - known.atMs < keysRememberedMs) return known.findings
    const { findings, unread } = await listKeys(product, { signal })
    if (unread.length === 0) knownKeys.set(product, { atMs: nowMs, findings })
    return findings
  }
  return {
    async status(options = {}) {
      const report = await runStatus(
        {
          products: (options.products ?? products).map(name => [name, productOf(name)] as const),
          readKeys: encryption => readRecordKeys(encryption, keys, folder),
          ...{ memory, readKeyFindings, now: deps.now(), retry: deps.retry },
        },
        options,
      )
      if (!report.products.some(({ product }) => hasAlerts(context, product))) return report
      const { withChannelFindings } = await import('../notify/check-channels.js')
      return withChannelFindings(context, report, options)
    },
  }
}
