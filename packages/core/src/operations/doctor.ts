import type { DestinationPolicy, DoctorOperations } from '../api/doctor.js'
import { runDoctor } from '../doctor/run-doctor.js'
import { hasAlerts } from './alerts.js'
import type { OpenContext } from './open-context.js'

export function doctorOperations(context: OpenContext): DoctorOperations {
  const { products, folder, keys, deps } = context
  return {
    async doctor(product, run = {}) {
      const names = product === undefined ? products : [product]
      const checks = []
      for (const name of names) {
        checks.push(
          ...(await runDoctor({ product: name, config: context.productFor(name, run), folder, keys, deps }, run)),
        )
        if (!hasAlerts(context, name)) continue
        const { checkChannels } = await import('../notify/check-channels.js')
        checks.push(...(await checkChannels(context, name, run)))
      }
      return checks
    },
    async policies(product, { role, destination: only, ...run }) {
      const found: DestinationPolicy[] = []
      const sets = Object.values(context.productOf(product).objects ?? {})
      const alerts = hasAlerts(context, product)
      for (const [destination, { store, objectLock }] of context.destinationsFor(product, run, only)) {
        const here = sets.filter(set => set.destinations?.includes(destination) ?? true)
        const locks = objectLock !== undefined || here.some(set => set.objectLock !== undefined)
        const needs = { objectLock: locks, objects: here.length > 0, alerts }
        const policy = (await store.policy?.(role, product, needs)) ?? null
        found.push({ product, destination, location: store.location, role, policy })
      }
      return found
    },
  }
}
