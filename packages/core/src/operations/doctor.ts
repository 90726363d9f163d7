import type { DoctorOperations } from '../api/doctor.js'
import { runDoctor } from '../doctor/run-doctor.js'
import type { OpenContext } from './open-context.js'

export function doctorOperations(context: OpenContext): DoctorOperations {
  const { products, folder, keys, deps } = context
  return {
    async doctor(product, run = {}) {
      const names = product === undefined ? products : [product]
      const checks = []
      for (const name of names)
        checks.push(
          ...(await runDoctor({ product: name, config: context.productFor(name, run), folder, keys, deps }, run)),
        )
      return checks
    },
  }
}
