import { describe, expect, it } from 'vitest'
import { consequencesOf, type Planted } from './planted.js'
import { type Nights, simulateNights, type Told } from './simulate-nights.js'

const day = 24
const nights = 30

/** One of each kind, and none at the same time for one product. */
const planted: readonly Planted[] = [
  { product: 'voxanne', kind: 'backup-fails', code: 'database-unreachable', from: 2 * day, until: 3 * day },
  { product: 'voxanne', kind: 'damage', destination: 'offsite', from: 8 * day, until: 9 * day },
  { product: 'voxanne', kind: 'rows-differ-live', from: 12 * day, until: 13 * day },
  { product: 'voxanne', kind: 'store-down', destination: 'offsite', from: 20 * day, until: 20 * day + 12 },
  { product: 'ai-booking', kind: 'backup-fails', code: 'dump-failed', from: 4 * day, until: 7 * day },
  { product: 'ai-booking', kind: 'prune-fails', from: 14 * day, until: 15 * day },
  { product: 'flynn', kind: 'key-missing', from: 10 * day, until: 11 * day },
  { product: 'flynn', kind: 'scheduler-stopped', from: 14 * day, until: 16 * day },
  { product: 'flynn', kind: 'drill-fails', from: 22 * day, until: 23 * day },
  { product: 'botflow', kind: 'store-full', destination: 's3', from: 5 * day, until: 6 * day },
  {
    product: 'botflow',
    kind: 'copy-fails',
    set: 'storage',
    code: 'store-auth-failed',
    from: 11 * day,
    until: 12 * day,
  },
  { product: 'botflow', kind: 'store-down', destination: 'local', from: 17 * day, until: 17 * day + 12 },
  { product: 'botflow', kind: 'store-full', destination: 'archive', from: 22 * day, until: 23 * day + 12 },
]

const isOf = (of: string, consequence: string) => of === consequence || of.startsWith(`${consequence} `)

/** Whether something planted was there, or lately was, that explains what was told as new. */
function isExplained(all: readonly Planted[], { product, at, of }: Told): boolean {
  return all.some(
    one =>
      one.product === product &&
      one.from <= at &&
      at < one.until + day &&
      consequencesOf(one).some(consequence => isOf(of, consequence)),
  )
}

/** What was told without a cause, twice, too soon again, or never called over. */
function complaintsOf(all: readonly Planted[], { told }: Nights): string[] {
  const complaints: string[] = []
  const say = (one: Told, what: string) =>
    complaints.push(`day ${(one.at / day).toFixed(2)}: ${one.channel}, ${one.product}, ${one.of} ${one.what}: ${what}`)
  const open = new Map<string, Told>()
  for (const one of told) {
    const key = `${one.channel} ${one.product} ${one.of}`
    const before = open.get(key)
    if (one.what === 'appeared' && before !== undefined) say(one, 'it was told already')
    if (one.what === 'appeared' && !isExplained(all, one)) say(one, 'nothing planted explains it')
    if (one.what !== 'appeared' && before === undefined) say(one, 'it was not told before')
    if (one.what === 'repeated' && before !== undefined && one.at - before.at < 0.74 * day) say(one, 'too soon')
    if (one.what === 'recovered') open.delete(key)
    else open.set(key, one)
  }
  for (const one of open.values()) say(one, 'it was never called over')
  return complaints
}

/** How often each planted failure itself was told as new, and as over. */
function tellingsOf(all: readonly Planted[], { told }: Nights, channel: string): string[] {
  return all.map(one => {
    const [own] = consequencesOf(one)
    const of = told.filter(
      each =>
        each.channel === channel &&
        each.product === one.product &&
        one.from <= each.at &&
        // A drill is held once a week: one that failed is over with the next.
        each.at < one.until + 8 * day &&
        isOf(each.of, own!),
    )
    const names = new Set(of.map(each => each.of))
    const count = (what: Told['what']) => of.filter(each => each.what === what).length / names.size
    return `${one.product} ${one.kind}: ${count('appeared')} told, ${count('recovered')} over`
  })
}

describe('nights of the four examples', () => {
  it('are silent without a failure', async () => {
    const { products, told, runs, looks } = await simulateNights([], 12)
    expect(told).toEqual([])
    expect([...products].sort()).toEqual([...new Set(planted.map(({ product }) => product))].sort())
    expect(runs).toBeGreaterThan(150)
    expect(looks).toBeGreaterThan(100)
  })

  it('of which 30 have a failure of every kind: each is told once and called over once, and nothing without a cause', async () => {
    const simulated = await simulateNights(planted, nights)
    expect(complaintsOf(planted, simulated)).toEqual([])
    expect(tellingsOf(planted, simulated, 'team')).toEqual(
      planted.map(({ product, kind }) => `${product} ${kind}: 1 told, 1 over`),
    )
    // Each channel of the files heard what the ones that hear of everything were told with the same severities.
    const count = (line: string) => simulated.messages.filter(one => one === line).length
    expect(simulated.slack).toEqual({
      examples: ['voxanne', 'ai-booking', 'flynn', 'botflow'].reduce((sum, name) => sum + count(`team ${name}`), 0),
      // Every one of them has a Slack of its own, which takes the place of the one for all.
      shared: 0,
    })
    expect(simulated.mails.map(({ to }) => to)).toEqual(
      Array.from({ length: count('on-call ai-booking') }, () => ['oncall@example.org']),
    )
    expect(simulated.mails.length).toBeGreaterThan(1)
    const warnings = /^(prune-failed|never-verified|schedule-missed (verify|drill))/
    const onCall = simulated.told.filter(({ channel }) => channel === 'on-call')
    expect(onCall.length).toBeGreaterThan(10)
    expect(onCall.filter(({ of }) => warnings.test(of))).toEqual([])
  })
})
