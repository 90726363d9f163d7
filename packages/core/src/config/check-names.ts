import type { z } from 'zod'
import { isProductName } from '../repository/layout.js'

/** Lets the checks below run although a value further in is wrong, so that one run names every problem. */
export function hasEntries(payload: z.core.ParsePayload): boolean {
  return typeof payload.value === 'object' && payload.value !== null
}

export function checkNames(kind: 'product' | 'destination' | 'set') {
  return (named: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    const names = Object.keys(named)
    if (names.length === 0) context.addIssue(`name at least one ${kind}`)
    for (const name of names) {
      if (isProductName(name)) continue
      const message = `not a ${kind} name: use a to z, 0 to 9 and -, at most 63, not beginning with -`
      context.addIssue({ code: 'custom', path: [name], message })
    }
  }
}
