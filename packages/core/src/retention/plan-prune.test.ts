import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import type { RetentionPolicy } from '../config/config-schema.js'
import { retentionSchema } from '../config/destination-schema.js'
import { type PruneCandidate, type PrunePlan, planPrune } from './plan-prune.js'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs
const testdata = new URL('./testdata/', import.meta.url)

/** A golden history: several series of backups, a policy as people write it, and the time of the prune. */
interface History {
  readonly about: string
  readonly now: string
  readonly policy: z.input<typeof retentionSchema>
  readonly series: readonly {
    readonly name: string
    readonly newest: string
    readonly everyMinutes: number
    readonly count: number
    readonly verified: boolean
  }[]
}

describe('golden plans', () => {
  const names = readdirSync(testdata).filter(name => name.endsWith('.json') && !name.endsWith('.plan.json'))

  // `npx vitest run -u packages/core/src/retention` writes them anew: read the difference before you commit it.
  it.each(names)('%s gives the plan that was agreed on', async name => {
    const history = JSON.parse(readFileSync(new URL(name, testdata), 'utf8')) as History
    const plan = planPrune(candidatesOf(history), retentionSchema.parse(history.policy), new Date(history.now))
    const golden = new URL(name.replace('.json', '.plan.json'), testdata)
    await expect(`${JSON.stringify(summary(plan), null, 2)}\n`).toMatchFileSnapshot(golden.pathname)
  })

  it('are there', () => {
    expect(names.length).toBeGreaterThanOrEqual(11)
  })
})

describe('planPrune', () => {
  it('orders by time and not by name', () => {
    const plan = planPrune(
      [backup('z-oldest', '2026-11-18'), backup('a-newest', '2026-11-20'), backup('m-middle', '2026-11-19')],
      policy({ last: 1, minimum: 1 }),
      new Date('2026-11-21'),
    )
    expect(summary(plan)).toEqual({
      keep: ['2026-11-20T00:00:00.000Z a-newest: minimum verified, last 1'],
      remove: [
        '2026-11-19T00:00:00.000Z m-middle: no rule keeps it',
        '2026-11-18T00:00:00.000Z z-oldest: no rule keeps it',
      ],
    })
  })

  it('plans nothing for no backups', () => {
    expect(planPrune([], policy({ last: 1 }), new Date())).toEqual({ keep: [], remove: [] })
  })

  it('keeps a backup exactly as old as keepWithin, and not one a millisecond older', () => {
    const edge = new Date(Date.parse('2026-11-20') - dayMs)
    const candidates = [
      backup('newest', '2026-11-20'),
      { id: 'edge', createdAt: edge, verified: true },
      { id: 'past', createdAt: new Date(edge.getTime() - 1), verified: true },
    ]
    const plan = planPrune(candidates, policy({ keepWithin: '1d', minimum: 1 }), new Date('2026-11-20'))
    expect(idsOf(plan.keep)).toEqual(['newest', 'edge'])
  })

  it('says to verify first where no backup is verified, also with a minimum of one', () => {
    const plan = planPrune([backup('a', '2026-11-20', false)], policy({ last: 1, minimum: 1 }), new Date('2026-11-21'))
    expect(plan.keep[0]?.reasons).toEqual(['no verified backup: verify first'])
  })

  it('keeps the newest verified backup even under a policy that asks for no minimum', () => {
    const candidates = [
      backup('garbage', '2026-11-20', false),
      backup('good', '2026-11-19'),
      backup('old', '2026-11-18'),
    ]
    const plan = planPrune(candidates, { minimum: 0, keepWithin: 0 }, new Date('2026-11-21'))
    expect(idsOf(plan.remove)).toEqual(['old'])
  })

  it('refuses two backups of one id: removing one would remove the other', () => {
    const twins = [backup('a', '2026-11-20'), backup('a', '2026-11-19')]
    expect(() => planPrune(twins, policy({ last: 1 }), new Date())).toThrow('two backups have the id a')
  })

  it('refuses times that are none, which would compare as neither older nor younger', () => {
    const never = new Date(Number.NaN)
    const candidate = { id: 'a', createdAt: never, verified: true }
    expect(() => planPrune([candidate], policy({ last: 1 }), new Date())).toThrow('backup a has no valid time')
    expect(() => planPrune([], policy({ last: 1 }), never)).toThrow('the current time is not valid')
  })
})

describe('planPrune, for any history and policy', () => {
  it('is asked about histories that tell something', () => {
    const seen = { removes: 0, tooFew: 0, unverifiedByRule: 0, future: 0 }
    holds(({ backups, rules, now }) => {
      const { keep, remove } = planPrune(backups, rules, now)
      const reasons = keep.flatMap(entry => entry.reasons)
      if (remove.length > 0) seen.removes++
      if (reasons.some(reason => reason.includes('verify first'))) seen.tooFew++
      if (reasons.some(reason => reason.includes('(not verified)'))) seen.unverifiedByRule++
      if (reasons.includes('dated in the future')) seen.future++
    })
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(runs / 20)
  })

  it('puts every backup on exactly one list, newest first, with a reason', () => {
    holds(({ backups, rules, now }) => {
      const { keep, remove } = planPrune(backups, rules, now)
      expect(sorted([...idsOf(keep), ...idsOf(remove)])).toEqual(sorted(idsOf(backups)))
      for (const list of [keep, remove]) {
        expect(list.every(entry => entry.reasons.length > 0 && entry.reasons.every(Boolean))).toBe(true)
        expect(list.map(entry => entry.createdAt)).toEqual(sorted(list.map(entry => entry.createdAt)).reverse())
      }
    })
  })

  it('keeps the newest verified backups up to the minimum, and removes nothing where there are fewer', () => {
    holds(({ backups, rules, now }) => {
      const { keep, remove } = planPrune(backups, rules, now)
      const verified = newestFirst(backups.filter(one => one.verified && one.createdAt <= now))
      expect(idsOf(keep)).toEqual(expect.arrayContaining(idsOf(verified.slice(0, rules.minimum))))
      if (verified.length < rules.minimum) expect(remove).toEqual([])
    })
  })

  it('keeps what is dated in the future or waits for its verification', () => {
    holds(({ backups, rules, now }) => {
      const newest = newestFirst(backups.filter(one => one.verified && one.createdAt <= now))[0]
      for (const id of idsOf(planPrune(backups, rules, now).remove)) {
        const removed = backups.find(one => one.id === id)!
        expect(removed.createdAt <= now).toBe(true)
        if (!removed.verified) expect(removed.createdAt < newest!.createdAt).toBe(true)
      }
    })
  })

  it('removes nothing more when it plans again on what it kept', () => {
    holds(({ backups, rules, now }) => {
      const kept = new Set(idsOf(planPrune(backups, rules, now).keep))
      const again = planPrune(
        backups.filter(one => kept.has(one.id)),
        rules,
        now,
      )
      expect(again.remove).toEqual([])
    })
  })

  it('does not depend on the order of its input', () => {
    holds(({ backups, rules, now, seed }) => {
      expect(planPrune(shuffled(backups, seed), rules, now)).toEqual(planPrune(backups, rules, now))
    })
  })

  it('decides about verified backups as if no unverified one existed: garbage pushes out nothing', () => {
    holds(({ backups, rules, now }) => {
      const verified = backups.filter(one => one.verified)
      const isVerified = (entry: { id: string }) => verified.some(one => one.id === entry.id)
      const { keep, remove } = planPrune(backups, rules, now)
      const alone = planPrune(verified, rules, now)
      expect(keep.filter(isVerified)).toEqual(alone.keep)
      expect(remove.filter(isVerified)).toEqual(alone.remove)
    })
  })

  it('keeps of the verified backups what a planner written the slow way keeps', () => {
    holds(({ backups, rules, now }) => {
      const verified = backups.filter(one => one.verified)
      expect(sorted(idsOf(planPrune(verified, rules, now).keep))).toEqual(sorted(slowPlan(verified, rules, now)))
    })
  })

  it('removes nothing because time passes, or because a clock jumps ahead a year', () => {
    holds(({ backups, rules, now }) => {
      const past = backups.filter(one => one.createdAt <= now)
      const later = new Date(now.getTime() + 365 * dayMs)
      expect(planPrune(past, rules, later)).toEqual(planPrune(past, rules, now))
    })
  })

  it('removes no more under a clock that is behind than under a right one', () => {
    holds(({ backups, rules, now, seed }) => {
      const behind = new Date(now.getTime() - (seed % 400) * hourMs)
      const right = new Set(idsOf(planPrune(backups, rules, now).remove))
      expect(idsOf(planPrune(backups, rules, behind).remove).filter(id => !right.has(id))).toEqual([])
    })
  })
})

interface Case {
  readonly backups: readonly PruneCandidate[]
  readonly rules: RetentionPolicy
  readonly now: Date
  readonly seed: number
}

const start = Date.parse('2026-12-20T00:00:00Z')
/** Several backups in an hour, some at one instant, others years apart; New Year is in the middle. */
const age = fc.oneof(
  fc.integer({ min: 0, max: 12 }).map(n => n * 10 * 60 * 1000),
  fc.integer({ min: 0, max: 200 }).map(n => n * hourMs),
  fc.integer({ min: 0, max: 120 }).map(n => n * dayMs),
  fc.integer({ min: 0, max: 60 }).map(n => n * 31 * dayMs),
)
// Twice as often absent as present: with every rule at once nothing would ever go.
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
const places = seldom(fc.integer({ min: 1, max: 5 }))
const cases: fc.Arbitrary<Case> = fc.record({
  backups: fc
    .array(fc.record({ age, verified: fc.boolean() }), { maxLength: 30, size: 'max' })
    .map(ages => ages.map((one, n) => ({ id: `b${n}`, createdAt: new Date(start - one.age), verified: one.verified }))),
  rules: fc.record({
    last: places,
    keepWithin: seldom(fc.integer({ min: 1, max: 100 }).map(n => n * 6 * hourMs)),
    hourly: places,
    daily: places,
    weekly: places,
    monthly: places,
    yearly: places,
    minimum: fc.integer({ min: 1, max: 4 }),
  }),
  // Often later than every backup, sometimes in between: then some are dated in the future.
  now: fc.integer({ min: -40, max: 80 }).map(n => new Date(start + n * 3 * hourMs)),
  seed: fc.nat(),
})

const runs = 600

function holds(property: (history: Case) => void): void {
  fc.assert(fc.property(cases, property), { numRuns: runs })
}

/** Which verified backups stay, from the rules' own words and with other arithmetic. */
function slowPlan(verified: readonly PruneCandidate[], rules: RetentionPolicy, now: Date): readonly string[] {
  const past = newestFirst(verified.filter(one => one.createdAt <= now))
  const future = verified.filter(one => one.createdAt > now)
  const { minimum, keepWithin, ...counted } = rules
  const noRule = keepWithin === undefined && Object.values(counted).every(value => value === undefined)
  if (noRule || past.length < minimum) return idsOf(verified)
  const daysSince1970 = (one: PruneCandidate) => Math.floor(one.createdAt.getTime() / dayMs)
  const periods: Readonly<Record<string, (one: PruneCandidate) => string | number>> = {
    last: one => one.id,
    hourly: one => Math.floor(one.createdAt.getTime() / hourMs),
    daily: daysSince1970,
    // 1970-01-05 was a Monday.
    weekly: one => Math.floor((daysSince1970(one) - 4) / 7),
    monthly: one => one.createdAt.toISOString().slice(0, 7),
    yearly: one => one.createdAt.toISOString().slice(0, 4),
  }
  const stays = past.filter((one, index) => {
    if (index < minimum) return true
    if (keepWithin !== undefined && past[0]!.createdAt.getTime() - one.createdAt.getTime() <= keepWithin) return true
    return Object.entries(counted).some(([rule, places]) => {
      const period = periods[rule]!
      const newer = past.slice(0, index).map(period)
      return places !== undefined && !newer.includes(period(one)) && new Set(newer).size < places
    })
  })
  return idsOf([...stays, ...future])
}

function candidatesOf(history: History): readonly PruneCandidate[] {
  return history.series.flatMap(({ name, newest, everyMinutes, count, verified }) =>
    Array.from({ length: count }, (_, n) => ({
      id: `${name}-${n + 1}`,
      createdAt: new Date(Date.parse(newest) - n * everyMinutes * 60 * 1000),
      verified,
    })),
  )
}

function summary(plan: PrunePlan) {
  const lines = (list: PrunePlan['keep']) =>
    list.map(entry => `${entry.createdAt} ${entry.id}: ${entry.reasons.join(', ')}`)
  return { keep: lines(plan.keep), remove: lines(plan.remove) }
}

function policy(written: z.input<typeof retentionSchema>): RetentionPolicy {
  return retentionSchema.parse(written)
}

function backup(id: string, createdAt: string, verified = true): PruneCandidate {
  return { id, createdAt: new Date(createdAt), verified }
}

function newestFirst(backups: readonly PruneCandidate[]): readonly PruneCandidate[] {
  return backups.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1))
}

function idsOf(backups: readonly { readonly id: string }[]): string[] {
  return backups.map(one => one.id)
}

function sorted(texts: readonly string[]): string[] {
  return texts.toSorted()
}

/** The same order for the same seed, so that fast-check can shrink and repeat a failure. */
function shuffled<T>(values: readonly T[], seed: number): T[] {
  const mixed = values.map((value, n) => ({ value, rank: Math.sin(seed + n * 7919) }))
  return mixed.toSorted((a, b) => a.rank - b.rank).map(({ value }) => value)
}
