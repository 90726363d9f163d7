import { judgeDrills } from '../drill/judge-drills.js'
import { spokenDuration } from '../report/quantities.js'
import { tooOld } from '../verify/finding.js'
import { type AddFinding, newestAnywhere, tellingOf } from './judge-destinations.js'
import type { ProductFacts } from './judge-product.js'

/** How old the newest backup is against the RPO, and what drills, or their absence, say. */
export function judgeObjectives(facts: ProductFacts, add: AddFinding): void {
  const { config, destinations, now, product } = facts
  const { rpo, rto } = config.objectives
  const newest = newestAnywhere(destinations)
  if (newest === undefined) return
  const createdMs = Date.parse(newest.createdAt)
  const ageMs = now.getTime() - createdMs
  if (rpo !== undefined && ageMs > rpo && tellingOf(facts) !== undefined) {
    const message = `the newest backup is ${spokenDuration(ageMs)} old; the RPO is ${spokenDuration(rpo)}`
    add('critical', tooOld, null, message, {
      hint: `\`lifeboat backup ${product}\`, and see why the schedule made none`,
      since: new Date(createdMs + rpo).toISOString(),
    })
  }
  const drills = destinations.flatMap(({ drill }) => drill ?? [])
  // Which drills a destination holds that does not answer is not known.
  if (drills.length === 0 && destinations.some(({ failure }) => failure !== null)) return
  const oldestMs = Math.min(...destinations.flatMap(one => one.oldestMs ?? []))
  const intervalMs = config.drill.interval
  const expected = { intervalMs, rtoMs: rto, databaseBytes: newest.databaseBytes }
  for (const { severity, code, message, hint } of judgeDrills(drills, now, expected)) {
    // The first is due one interval after the first backup, or when the schedule says.
    const waitMs = intervalMs ?? (config.schedule?.drill === undefined ? undefined : Infinity)
    const notYet = code === 'drill-never-ran' && waitMs !== undefined && now.getTime() - oldestMs <= waitMs
    add(notYet ? 'info' : severity, code, null, message, {
      hint,
      since:
        drills
          .map(one => one.at)
          .sort()
          .at(-1) ?? null,
    })
  }
}
