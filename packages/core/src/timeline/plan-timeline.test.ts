import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ProviderBackup } from '../provider/backup-provider.js'
import { planTimeline } from './plan-timeline.js'
import {
  type LossName,
  lossNames,
  type StoredInstant,
  type TimelineDestination,
  type TimelineInput,
} from './timeline.js'

const hour = 3_600_000
const now = new Date('2026-11-21T12:00:00Z')
const ago = (hours: number) => new Date(now.getTime() - hours * hour)

const stored = (id: string, hours: number, more: Partial<StoredInstant> = {}): StoredInstant => ({
  ...{ id, createdAt: ago(hours), kind: 'dump', proof: 'content' },
  ...more,
})
const destination = (name: string, more: Partial<TimelineDestination> = {}): TimelineDestination => ({
  ...{
    name,
    location: `/${name}`,
    withProvider: false,
    region: null,
    backups: [],
    failure: null,
    drill: null,
    exportDrill: null,
  },
  ...more,
})
const exported: ProviderBackup = {
  ...{ id: 'exp-1', kind: 'export', createdAt: ago(30).toISOString(), status: 'complete', nativeStatus: 'ready' },
  ...{ expiresAt: ago(-138).toISOString(), sizeBytes: null },
}

/** A shop on Render with a window, an export, dumps at home and off site. */
const shop: TimelineInput = {
  product: 'shop',
  now,
  rtoMs: 4 * hour,
  rpoMs: 24 * hour,
  provider: {
    ...{ name: 'render', location: 'instance dpg-1', place: 'new-instance', failures: [] },
    window: {
      ...{ status: 'available', earliest: ago(168).toISOString(), latest: ago(1 / 6).toISOString() },
      notes: ['the last ten minutes cannot be recovered yet'],
    },
    backups: [exported, { ...exported, id: 'exp-2', status: 'running' }],
    promises: { survivesDeletion: false, region: 'frankfurt', credential: 'an API key', expected: {} },
  },
  destinations: [
    destination('local', { backups: [stored('new', 2, { proof: 'none' }), stored('old', 26)] }),
    destination('offsite', {
      ...{
        location: 's3://shop',
        region: 'frankfurt',
        backups: [stored('far', 10), stored('mirror', 30, { kind: 'export' })],
      },
      drill: { at: ago(100), recoveryMs: 720_000 },
    }),
  ],
  keys: { credential: 'the passphrase', others: 0 },
}

const answerTo = (loss: LossName, input = shop) => planTimeline(input).losses.find(one => one.loss === loss)!
const ways = (loss: LossName, input = shop) =>
  answerTo(loss, input).ways.map(one => `${one.source} ${one.place.split(',')[0]}`)

describe('the timeline of a product', () => {
  it('answers for every kind of loss, the way that loses least first', () => {
    expect(planTimeline(shop).losses.map(one => one.loss)).toEqual(lossNames)
    for (const { ways } of planTimeline(shop).losses)
      expect(ways.map(one => one.dataAgeMs)).toEqual(ways.map(one => one.dataAgeMs).sort((a, b) => a - b))
  })

  it('goes back to a second before a bad migration where there is a window', () => {
    const { ways, dataAgeMs, meetsRpo } = answerTo('bad-migration')
    expect(ways[0]).toMatchObject({
      ...{ source: 'point-in-time', instant: '2026-11-21T10:59:59.000Z', instants: { count: 'any' } },
      command: 'lifeboat pitr restore shop --at 2026-11-21T10:59:59.000Z',
    })
    expect([dataAgeMs, meetsRpo]).toEqual([1000, true])
  })

  it('takes nothing from after the loss', () => {
    const late = {
      ...shop,
      provider: null,
      destinations: [destination('local', { backups: [stored('late', 0.5), stored('before', 3)] })],
    }
    expect(answerTo('bad-migration', late).ways).toMatchObject([
      { instants: { count: 1 }, command: expect.stringContaining('shop/before') },
    ])
    expect(answerTo('table-dropped', late).ways).toMatchObject([{ command: expect.stringContaining('shop/late') }])
  })

  it('loses the last ten minutes of a table dropped just now', () => {
    expect(answerTo('table-dropped').dataAgeMs).toBe(hour / 6)
  })

  it('counts nothing that the provider deletes with the database', () => {
    expect(ways('database-gone')).toEqual(['dump local', 'dump offsite', 'export offsite'])
    expect(answerTo('database-gone').lost.map(one => one.why)).toContain('render deletes it together with the database')
    const kept = {
      ...shop,
      provider: { ...shop.provider!, promises: { ...shop.provider!.promises!, survivesDeletion: true } },
    }
    expect(ways('database-gone', kept)[0]).toBe('point-in-time render')
  })

  it('counts nothing of the account when it is gone, nor what is kept at the provider', () => {
    expect(ways('account-gone')).toEqual(['dump local', 'dump offsite', 'export offsite'])
    const [local, offsite] = shop.destinations
    const input = { ...shop, destinations: [local!, { ...offsite!, withProvider: true }] }
    expect(ways('account-gone', input)).toEqual(['dump local'])
  })

  it('has only the provider left without the key, unless another key opens the backups', () => {
    expect(ways('key-lost')).toEqual(['point-in-time render', 'provider-export render'])
    const more = { ...shop, keys: { credential: 'the private key', others: 1 } }
    expect(ways('key-lost', more)).toContain('dump local')
  })

  it('counts no destination of a region that is down, and says where it does not know', () => {
    expect(ways('region-down')).toEqual(['dump local'])
    expect(answerTo('region-down').lost.map(one => one.why)).toContain('it lies in frankfurt, too')
    expect(answerTo('region-down').ways[0]!.notes).toContain('whether it lies in another region is not known here')
  })

  it('tells the time of the last drill, and holds it against the RTO', () => {
    const input = { ...shop, destinations: [shop.destinations[1]!], rtoMs: 600_000 }
    expect(answerTo('account-gone', input)).toMatchObject({ expectedMs: 720_000, meetsRto: false })
    expect(answerTo('account-gone', input).ways[0]!.expectedFrom).toContain('the drill of 2026-11-17')
    expect(answerTo('account-gone')).toMatchObject({ expectedMs: null, meetsRto: null })
  })

  it('says that the newest is not verified, and which is', () => {
    expect(answerTo('account-gone').ways[0]!.notes.join()).toContain('the newest that is, is old')
  })

  it('gives the longest gap of the week before, not only the age now', () => {
    expect(answerTo('account-gone').ways[0]).toMatchObject({ dataAgeMs: 2 * hour, worstDataAgeMs: 24 * hour })
  })

  it('says that nothing is left where nothing is', () => {
    const bare = { ...shop, provider: null, destinations: [destination('local', { failure: 'no answer' })] }
    expect(answerTo('database-gone', bare)).toMatchObject({ ways: [], dataAgeMs: null, meetsRpo: false })
    expect(planTimeline(bare).unanswered).toEqual([{ place: 'local', message: 'no answer' }])
  })

  it('never promises an instant after the loss, nor one of a place that the loss takes along', () => {
    const backups = fc.array(
      fc.record({
        hours: fc.integer({ min: -3, max: 400 }),
        kind: fc.constantFrom('dump' as const, 'export' as const),
      }),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(backups, fc.boolean(), fc.integer({ min: 0, max: 2 }), (list, withProvider, others) => {
        const place = destination('d', {
          withProvider,
          backups: list.map((one, i) => stored(`b${i}`, one.hours, { kind: one.kind })),
        })
        const input = { ...shop, destinations: [place], keys: { credential: 'k', others } }
        for (const { loss, at, ways, dataAgeMs } of planTimeline(input).losses) {
          for (const way of ways) {
            expect(way.instant <= at).toBe(true)
            expect(way.dataAgeMs).toBe(Date.parse(at) - Date.parse(way.instant))
            expect(way.worstDataAgeMs).toBeGreaterThanOrEqual(way.dataAgeMs > 168 * hour ? 0 : way.dataAgeMs)
            if (loss === 'key-lost' && others === 0) expect(way.source).toMatch(/point|provider/)
            if (/gone|down/.test(loss)) expect(way.source).toMatch(/^(dump|export)$/)
            if (loss === 'account-gone') expect(withProvider).toBe(false)
          }
          expect(dataAgeMs).toBe(ways.length === 0 ? null : Math.min(...ways.map(one => one.dataAgeMs)))
        }
      }),
    )
  })
})
