import type { AlertOperations } from '../api/alerts.js'
import type { Alerting, ReadStatus } from '../notify/alerting.js'
import type { OpenContext } from './open-context.js'

/** Whether somebody is to be told of a product. */
export function hasAlerts({ resolved, known }: OpenContext, product: string): boolean {
  const config = known(product)
  if (resolved.notify !== undefined || config?.notify !== undefined) return true
  return Object.values(config?.objects ?? {}).some(({ ping }) => ping !== undefined)
}

/** What sends alerts is loaded by the first call: a service that only makes backups does not need it. */
export function alertOperations(context: OpenContext, readStatus: ReadStatus): AlertOperations {
  const alerting: Alerting = { context, readStatus, remembered: new Map() }
  const load = () => import('../notify/alerting.js')
  return {
    reportStart: async (run, options = {}) => (await load()).reportStart(alerting, run, options),
    reportRun: async (outcome, options = {}) => (await load()).reportRun(alerting, outcome, options),
    checkAlerts: async (options = {}) => (await load()).checkAlerts(alerting, options),
    testAlerts: async (options = {}) => (await load()).testAlerts(alerting, options),
  }
}
