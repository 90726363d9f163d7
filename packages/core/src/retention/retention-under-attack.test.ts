import { describe, expect, it } from 'vitest'
import type { RetentionPolicy } from '../config/config-schema.js'
import { type PruneCandidate, type PrunePlan, planPrune } from './plan-prune.js'

/*
 * A hundred thousand histories, each lived from its first backup on: nights of which some fail, destinations that miss
 * one, verifications that are late or find damage, clocks that jump, floods of fresh bad backups, deletions that are
 * refused, and prunes in between. After every prune the store must hold what it promised to hold. Not fast-check: a
 * history is a walk with state, and drawing it from one small generator takes a tenth of the time. A failure prints the
 * seed of its history; LIFEBOAT_RETENTION_SEED lives it again, alone.
 */

const histories = 100_000
const hourMs = 3_600_000
const dayMs = 24 * hourMs

describe('retention under attack', () => {
  const alone = process.env.LIFEBOAT_RETENTION_SEED
  const firstSeed = alone === undefined ? 1 : Number(alone)
  const count = alone === undefined ? histories : 1

  it(`keeps the newest verified backup and the floor in ${count} histories`, () => {
    const met: Met = {
      prunes: 0,
      removals: 0,
      refusals: 0,
      floods: 0,
      clockJumps: 0,
      misses: 0,
      belowMinimum: 0,
      dst: 0,
    }
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      try {
        liveThrough(seed, met)
      } catch (error) {
        throw new Error(`history ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error })
      }
    }
    // A test that meets nothing would prove nothing.
    if (alone === undefined)
      expect(Math.min(...Object.values(met)), JSON.stringify(met)).toBeGreaterThan(histories / 10)
  })
})

type Met = Record<
  'prunes' | 'removals' | 'refusals' | 'floods' | 'clockJumps' | 'misses' | 'belowMinimum' | 'dst',
  number
>

/** A backup in a destination: what the planner sees, and what only the world knows. */
interface Stored extends PruneCandidate {
  readonly id: string
  readonly createdAt: Date
  verified: boolean
  /** Whether a verification would pass. */
  readonly good: boolean
  /** Object Lock: a removal is refused. */
  readonly locked: boolean
}

function liveThrough(seed: number, met: Met): void {
  const random = generator(seed)
  const chance = (one: number, of: number) => random() * of < one
  const below = (limit: number) => Math.floor(random() * limit)
  const policy = drawPolicy(chance, below)
  const destinations: Stored[][] = [[], []]
  // The last nights of March and October are among the first forty: a schedule in local time skips or doubles an hour.
  let worldMs = Date.UTC(2026, chance(1, 2) ? 2 : 9, 1 + below(28), 1, 30)
  let clockErrorMs = 0
  let made = 0
  const make = (good: boolean, verified: boolean, missedBy: number) => {
    const createdAt = new Date(worldMs + clockErrorMs)
    for (let which = 0; which < destinations.length; which++) {
      if (which === missedBy) continue
      destinations[which]!.push({ id: `b${made}`, createdAt, verified: verified && good, good, locked: chance(1, 12) })
    }
    made++
  }

  const steps = 8 + below(10)
  for (let step = 0; step < steps; step++) {
    const before = utcOffsetHours(worldMs)
    worldMs += dayMs
    const shift = utcOffsetHours(worldMs) - before
    if (shift !== 0) met.dst++
    // Local time stays: the night is an hour shorter or longer.
    worldMs -= shift * hourMs
    const event = below(12)
    if (event === 0) {
      // The night failed: nothing is made.
    } else if (event === 1) {
      met.misses++
      make(true, chance(2, 3), below(2))
    } else if (event === 2) {
      met.floods++
      for (let n = 3 + below(8); n > 0; n--) {
        make(false, false, -1)
        worldMs += 60_000
      }
    } else if (event === 3) {
      met.clockJumps++
      clockErrorMs = chance(1, 3) ? 0 : (below(3) - 1) * (chance(1, 2) ? 365 * dayMs : below(48) * hourMs)
    } else if (event === 4) {
      // Somebody verifies what waits; what is damaged by now loses its word.
      for (const backups of destinations) for (const one of backups) one.verified = one.good && chance(9, 10)
    } else {
      make(chance(9, 10), chance(2, 3), -1)
    }
    if (chance(1, 4) || step === steps - 1) {
      const now = new Date(worldMs + clockErrorMs)
      for (const [which, backups] of destinations.entries()) {
        destinations[which] = pruneAndJudge(backups, policy, now, met)
      }
    }
  }
}

/** Plans, applies as far as it is allowed to, and checks every promise. Gives what is left. */
function pruneAndJudge(backups: readonly Stored[], policy: RetentionPolicy, now: Date, met: Met): Stored[] {
  const plan = planPrune(backups, policy, now)
  met.prunes++
  met.removals += plan.remove.length
  const removing = partition(backups, plan)
  const left: Stored[] = []
  for (const one of backups) {
    if (!removing.has(one.id)) left.push(one)
    else if (one.locked) {
      met.refusals++
      left.push(one)
    }
  }

  const verified = backups.filter(one => one.verified && one.createdAt <= now).sort(byAge)
  const kept = (one: Stored) => !removing.has(one.id)
  if (verified.length < policy.minimum) {
    met.belowMinimum++
    if (removing.size > 0) throw new Error('something is removed below the minimum')
  }
  if (!verified.slice(0, Math.max(1, policy.minimum)).every(kept)) throw new Error('the newest verified backups went')
  // One that a clock ahead dated may be the newest of all.
  if (!backups.every(one => one.createdAt <= now || kept(one))) throw new Error('a backup of the future went')

  // The same backups give the same plan: where nothing went there is nothing to ask twice.
  if (removing.size === 0) return left
  // What was refused is planned again, and nothing else.
  const again = planPrune(left, policy, now)
  partition(left, again)
  for (const { id } of again.remove) if (!removing.has(id)) throw new Error(`${id} goes only at the second time`)
  if (left.every(kept) && again.remove.length > 0) throw new Error('a plan that was applied removes more')
  // Once the refused ones are gone as well, a third prune finds nothing.
  const rest = left.filter(kept)
  if (rest.length < left.length && planPrune(rest, policy, now).remove.length > 0)
    throw new Error('a plan that was applied removes more')
  return left
}

/** The ids to remove, after a check that keep and remove are what was listed, each once. */
function partition(backups: readonly Stored[], plan: PrunePlan): Set<string> {
  const removing = new Set(plan.remove.map(one => one.id))
  const keeping = new Set(plan.keep.map(one => one.id))
  const once = removing.size === plan.remove.length && keeping.size === plan.keep.length
  const whole = removing.size + keeping.size === backups.length
  if (!once || !whole || !backups.every(({ id }) => removing.has(id) !== keeping.has(id)))
    throw new Error('keep and remove are not what was listed')
  return removing
}

function byAge(a: Stored, b: Stored): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1)
}

function drawPolicy(chance: (one: number, of: number) => boolean, below: (limit: number) => number): RetentionPolicy {
  const places = (odds: number) => (chance(1, odds) ? 1 + below(4) : undefined)
  return {
    last: places(2),
    keepWithin: chance(1, 4) ? (1 + below(12)) * 12 * hourMs : undefined,
    hourly: places(5),
    daily: places(3),
    weekly: places(4),
    monthly: places(5),
    yearly: places(6),
    minimum: 1 + below(3),
  }
}

/** Central Europe's: the rule is EU directive 2000/84/EC, the last Sundays of March and October at 01:00 UTC. */
function utcOffsetHours(ms: number): number {
  const year = new Date(ms).getUTCFullYear()
  const lastSunday = (month: number) => {
    const last = new Date(Date.UTC(year, month + 1, 0, 1))
    return last.getTime() - last.getUTCDay() * dayMs
  }
  return ms >= lastSunday(2) && ms < lastSunday(9) ? 2 : 1
}

/** mulberry32: 32 bits of state are enough to draw from, and it is quick. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
