import { describe, expect, it } from 'vitest'
import type { ListedBackup } from '../api/backups.js'
import { resolveConfig } from '../config/define-config.js'
import { secret } from '../config/secret.js'
import type { ProofRecord } from '../repository/record-schema.js'
import { memoryStore } from '../store/memory-store.js'
import { composeReport } from './compose-report.js'
import { renderReport } from './render-report.js'
import {
  hostile,
  sampleBackup,
  sampleDrill,
  sampleNow,
  sampleReport,
  sampleVerification,
} from './testing/sample-report.js'

const hour = 3_600_000
const day = 24 * hour

function reportOn(
  backups: readonly ListedBackup[],
  records: readonly ProofRecord[],
  objectives = { rpo: '24h', rto: '1h' },
) {
  const config = resolveConfig({
    products: {
      shop: {
        objectives,
        source: { url: secret.env('DATABASE_URL'), schemas: ['public'] },
        encryption: { passphrase: secret.env('PASSPHRASE') },
        destinations: { local: { store: memoryStore() } },
      },
    },
  })
  const report = composeReport(records, { backups, unreadable: [], unreachable: [], refused: [] }, config, sampleNow)
  return report.products[0]!
}

const codes = (product: ReturnType<typeof reportOn>) =>
  product.findings.map(({ severity, code }) => `${severity} ${code}`)
const recent = sampleBackup('shop', 'local', 3 * hour)
const read = sampleVerification(recent, hour)
const drilled = sampleDrill(recent, 2 * hour)

describe('composeReport', () => {
  it('finds nothing against a product that was backed up, read back and restored in time', () => {
    const product = reportOn([recent], [read, drilled])
    expect(codes(product)).toEqual([])
    expect(product).toMatchObject({
      verdict: 'good',
      headline: 'backed up 3 h ago, read back 39 min ago, restored in a drill 39 min ago, in 21 min',
      rpo: { state: 'met', measuredMs: 3 * hour, objectiveMs: day, longestGapMs: 3 * hour },
      rto: { state: 'met', measuredMs: 1_260_000, recoveryMs: 937_600, estimate: { restoreMs: 937_600, drills: 1 } },
      destinations: [{ name: 'local', backups: 1, proof: { level: 'restored', ok: true } }],
    })
    expect(product.drills[0]?.proof).toBe('48 tables with 1,234,567 rows compared row by row: no difference')
  })

  it('warns of a newest backup that was never read back, and of drills that never ran', () => {
    const older = sampleBackup('shop', 'local', 20 * hour)
    const product = reportOn([recent, older], [sampleVerification(older, hour)])
    expect(product.verdict).toBe('attention')
    expect(codes(product)).toEqual(['warning never-verified', 'warning drill-never-ran'])
    expect(product.rto).toMatchObject({ state: 'unknown', measuredMs: null })
  })

  it('raises the alarm for no backup, an old one, an unsound one, and drills that failed or took too long', () => {
    expect(codes(reportOn([], []))).toEqual(['critical backup-missing'])
    const old = sampleBackup('shop', 'local', 3 * day)
    expect(codes(reportOn([old], [sampleVerification(old, hour), sampleDrill(old, hour)]))).toEqual([
      'critical backup-too-old',
    ])
    const unsound = sampleVerification(recent, 150 * 60_000, { ok: false })
    expect(codes(reportOn([recent], [read, drilled, unsound]))).toEqual(['critical verification-failed'])
    expect(codes(reportOn([recent], [read, sampleDrill(recent, 2 * hour, { ok: false })]))).toContain(
      'critical drill-failed',
    )
    expect(codes(reportOn([recent], [read, drilled], { rpo: '24h', rto: '5m' }))).toEqual(['critical rto-exceeded'])
  })

  it('speaks of what the newest records found, and not of what older ones did or what has changed since', () => {
    const finding = (code: string) => ({ findings: [{ severity: 'warning', code, message: code, hint: null }] })
    const records = [
      sampleVerification(recent, hour, finding('mended')),
      sampleVerification(recent, 1.5 * hour, finding('size-unusual')),
      sampleDrill(recent, 2 * hour, finding('backup-too-old')),
    ]
    expect(codes(reportOn([recent], records))).toEqual(['warning size-unusual'])
  })

  it('shows a backup once, in whichever destinations it is, and only of the last 90 days', () => {
    const backups = [recent, { ...recent, destination: 'offsite' }, sampleBackup('shop', 'local', 91 * day)]
    expect(reportOn(backups, []).trend).toHaveLength(1)
  })

  it('says what is not in the backup, by configuration and by the last drill', () => {
    const leftOut = [{ entry: 'SUBSCRIPTION s', reason: 'nothing connects outward' }]
    const { notIncluded } = reportOn([recent], [sampleDrill(recent, 2 * hour, { leftOut })])
    expect(notIncluded[0]).toEqual({ what: 'schemas other than public', why: 'source.schemas' })
    expect(notIncluded.at(-1)).toEqual({
      ...{ what: 'SUBSCRIPTION s', why: 'left out of the last drill: nothing connects outward' },
    })
  })
})

describe('renderReport', () => {
  it('escapes everything that comes from a store', () => {
    const page = renderReport(sampleReport())
    expect(page).toContain('&lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(page).not.toContain('<script')
    expect(page).not.toContain('<img')
    for (const char of ['\u001b', '\u202e']) expect(page).not.toContain(char)
    expect(page).not.toContain(hostile)
  })

  it('cuts credentials out of messages that somebody stored', () => {
    const report = sampleReport()
    const [product, ...others] = report.products
    const message = 'no answer from postgres://app:hunter2@db.example.org/shop'
    const finding = {
      severity: 'critical',
      code: 'drill-failed',
      message,
      hint: null,
      source: 'drill',
      at: read.at,
    } as const
    const page = renderReport({
      ...report,
      products: [{ ...product!, findings: [...product!.findings, finding] }, ...others],
    })
    expect(page).toContain('postgres://app:[redacted]@db.example.org/shop')
    expect(page).not.toContain('hunter2')
  })

  it('names moments in UTC by the 24-hour clock', () => {
    const axis = renderReport(sampleReport()).match(/>[^<]*(?:[AP]M|\d\d:\d\d|\d+ [A-Z][a-z]{2})<\/text>/g) ?? []
    expect(axis.length).toBeGreaterThan(0)
    expect(axis.join()).not.toMatch(/[AP]M/)
  })
})
