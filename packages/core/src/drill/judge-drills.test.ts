import { describe, expect, it } from 'vitest'
import type { DrillRecord, ProofRecord } from '../repository/record-schema.js'
import { estimateRestore } from './estimate-restore.js'
import { judgeDrills } from './judge-drills.js'

const hour = 3_600_000
const now = new Date('2026-11-21T12:00:00.000Z')

function drill(hoursAgo: number, changes: Partial<DrillRecord> = {}, recoveryMs = 60_000): DrillRecord {
  const at = new Date(now.getTime() - hoursAgo * hour).toISOString()
  return {
    ...{ kind: 'drill', product: 'shop', id: 'one', destination: 'local', level: 'restored', at, ok: true },
    ...{ durationMs: 90_000, storedSha256: [], findings: [], checks: [], backupCreatedAt: at, storedBytes: 1 },
    ...{ plainBytes: 1, tables: 1, rows: 1, startedAt: at, finishedAt: at, steps: [], leftOut: [] },
    proof: {
      ...{ kind: 'content', tables: 1, rows: 1, countedOnly: 0, sequences: 0, largeObjects: 0, entries: 1 },
      differences: 0,
    },
    objectives: { ageMs: 1, rpoMs: null, rpoMet: null, recoveryMs, totalMs: 90_000, rtoMs: null, rtoMet: null },
    scratch: { kind: 'local', serverVersion: '17.5' },
    databaseBytes: 1_000_000,
    ...changes,
  }
}

const nobodySaid = { intervalMs: undefined, rtoMs: undefined, databaseBytes: undefined }
const weekly = { ...nobodySaid, intervalMs: 7 * 24 * hour }
const codes = (records: readonly ProofRecord[], expected: Parameters<typeof judgeDrills>[2]) =>
  judgeDrills(records, now, expected).map(one => `${one.severity} ${one.code}`)

describe('judgeDrills', () => {
  it('says that none was ever held: loudly where one is due', () => {
    expect(codes([], nobodySaid)).toEqual(['warning drill-never-ran'])
    expect(codes([], weekly)).toEqual(['critical drill-never-ran'])
  })

  it('is content with one that passed in time', () => {
    expect(codes([drill(1)], { intervalMs: hour, rtoMs: 90_000, databaseBytes: 1_000_000 })).toEqual([])
  })

  it('names one that is overdue, by the newest', () => {
    expect(codes([drill(1), drill(200)], weekly)).toEqual([])
    expect(codes([drill(200), drill(300)], weekly)).toEqual(['critical drill-overdue'])
  })

  it('names the newest that failed, not one before it that did', () => {
    const findings = [{ severity: 'critical' as const, code: 'rows-differ', message: 'orders has 3 rows', hint: null }]
    const failed = drill(1, { ok: false, findings })
    expect(judgeDrills([failed, drill(2)], now, nobodySaid)[0]?.message).toBe(
      'the newest drill, of shop/one, failed: orders has 3 rows',
    )
    expect(codes([drill(0.5), failed], nobodySaid)).toEqual([])
  })

  it('holds the newest against the RTO as it is now, and the estimate at the size of today', () => {
    expect(codes([drill(1)], { ...nobodySaid, rtoMs: 89_999 })).toEqual(['critical rto-exceeded'])
    expect(codes([drill(1)], { ...nobodySaid, rtoMs: 100_000, databaseBytes: 2_000_000 })).toEqual([
      'warning rto-at-risk',
    ])
    const drills = [drill(3, {}, 50_000), drill(2, {}, 60_000), drill(1, {}, 90_000)]
    const expected = { ...nobodySaid, rtoMs: 100_000, databaseBytes: 2_000_000 }
    expect(judgeDrills(drills, now, expected)[0]?.message).toBe(
      "at today's size a restore would take about 2 min ± 1 min, by 3 drills; the RTO is 1.7 min",
    )
  })
})

describe('estimateRestore', () => {
  it('knows nothing without a drill that came through', () => {
    expect(estimateRestore([drill(1, { proof: null })], 1)).toBeUndefined()
  })

  it('takes the median per byte, and says how far the drills are apart', () => {
    expect(estimateRestore([drill(1)], 2_000_000)).toMatchObject({ restoreMs: 120_000, errorMs: null, drills: 1 })
    const three = [drill(3, {}, 50_000), drill(2, {}, 60_000), drill(1, {}, 90_000)]
    expect(estimateRestore(three, 1_000_000)).toMatchObject({ restoreMs: 60_000, errorMs: 30_000, drills: 3 })
  })
})
