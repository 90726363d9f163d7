import type {
  BackupResult,
  DrillReport,
  Manifest,
  PruneResult,
  RestorePlan,
  ShownBackup,
  SweepResult,
  VerificationReport,
} from '@lifeboat/core'

const id = '20261121T020000Z-7f3k9q'
const hash = 'a'.repeat(64)

export const sampleManifest: Manifest = {
  format: 'lifeboat/1',
  id,
  product: 'shop',
  createdAt: '2026-11-21T02:00:00.000Z',
  finishedAt: '2026-11-21T02:00:12.000Z',
  reason: 'nightly',
  labels: { commit: '4f2a1c9' },
  tool: { name: 'lifeboat', version: '0.1.0' },
  source: {
    serverVersion: '17.2',
    database: 'shop',
    databaseBytes: 50_000_000,
    encoding: 'UTF8',
    extensions: [{ name: 'pgcrypto', version: '1.3' }],
    pgDumpVersion: '17.2',
    snapshotCounts: { taken: true, why: null },
  },
  artifacts: [
    {
      name: 'database.dump',
      key: `shop/${id}/database.dump.gz.gpg`,
      kind: 'database',
      storedBytes: 12_000_000,
      storedSha256: hash,
      plainBytes: 34_000_000,
      plainSha256: hash,
      codec: 'gzip',
      encryption: { kind: 'passphrase' },
    },
  ],
  tables: [{ schema: 'public', name: 'orders', rows: 1234, bytes: 5678, sha256: hash }],
  contents: { TABLE: 1 },
  largeObjects: null,
  destinations: [{ name: 'local', outcome: 'stored' }],
  seal: null,
}

export function sampleBackup(status: 'complete' | 'partial' = 'complete', product = 'shop'): BackupResult {
  const stored = { destination: 'local', location: '/backups', outcome: 'stored' as const, error: null }
  const error = { code: 'store-unreachable', message: 'the bucket does not answer', hint: 'check the network' }
  const failed = { destination: 'offsite', location: 's3://shop-backups', outcome: 'failed' as const, error }
  const destinations = status === 'complete' ? [stored] : [stored, failed]
  return { status, product, id, manifest: { ...sampleManifest, product }, destinations, durationMs: 12_340 }
}

export const sampleListed: ShownBackup = {
  included: [{ what: 'database', detail: '2 tables, 1,234 rows' }],
  notIncluded: [{ what: 'objects in buckets', why: 'they are copied apart' }],
  product: 'shop',
  id,
  destination: 'local',
  location: '/backups',
  manifest: sampleManifest,
  storedBytes: 12_000_000,
}

export function sampleReport(findings: VerificationReport['findings'] = [], product = 'shop'): VerificationReport {
  const ok = findings.every(finding => finding.severity !== 'critical')
  return {
    product,
    id,
    destination: 'local',
    level: 'content',
    ok,
    findings,
    checks: [],
    live: false,
    tables: 1,
    rows: 1234,
    readBytes: 12_000_000,
    durationMs: 800,
  }
}

export function samplePlan(changes: Partial<RestorePlan> = {}): RestorePlan {
  return {
    product: 'shop',
    id,
    destination: 'local',
    createdAt: sampleManifest.createdAt,
    target: 'db.example.com:5432/copy',
    create: false,
    overwrite: false,
    targetIsSource: false,
    tables: 1,
    rows: 1234,
    plainBytes: 34_000_000,
    part: null,
    warnings: [],
    skipped: [],
    profile: null,
    ...changes,
  }
}

export function samplePrune(changes: Partial<PruneResult> = {}): PruneResult {
  const one = { id, createdAt: sampleManifest.createdAt, reasons: ['newest verified'] }
  const old = { id: '20260101T020000Z-aaaaaa', createdAt: '2026-01-01T02:00:00.000Z', reasons: ['no rule keeps it'] }
  return {
    product: 'shop',
    destination: 'local',
    applied: false,
    plan: { keep: [one], remove: [old] },
    removed: [],
    retained: [],
    sweep: sampleSweep(),
    ...changes,
  }
}

export function sampleSweep(changes: Partial<SweepResult> = {}): SweepResult {
  return { product: 'shop', destination: 'local', applied: false, garbage: [], removed: [], retained: [], ...changes }
}

export function sampleDrill(changes: Partial<DrillReport> = {}): DrillReport {
  const report = { ...sampleReport(), ...changes }
  const { ok, findings, product, destination } = report
  const at = '2026-11-21T05:01:30.000Z'
  return {
    ...report,
    level: 'restored',
    record: {
      ...{ kind: 'drill', product, id, destination, level: 'restored', at, ok, durationMs: 90_000 },
      ...{ storedSha256: [], findings: [...findings], checks: [], backupCreatedAt: sampleManifest.createdAt },
      ...{ storedBytes: 12_000_000, plainBytes: 34_000_000, tables: 3, rows: 1234 },
      ...{ startedAt: '2026-11-21T05:00:00.000Z', finishedAt: at, databaseBytes: 40_000_000 },
      steps: [
        { step: 'find', startedAfterMs: 0, durationMs: 100 },
        { step: 'fetch, decrypt, check and load, streamed together', startedAfterMs: 100, durationMs: 60_000 },
      ],
      proof: {
        ...{ kind: 'content', tables: 3, rows: 1234, countedOnly: 1, sequences: 2, largeObjects: 0, entries: 30 },
        differences: 0,
      },
      objectives: {
        ...{ ageMs: 3 * 3_600_000, rpoMs: 24 * 3_600_000, rpoMet: true, recoveryMs: 61_000, totalMs: 90_000 },
        ...{ rtoMs: null, rtoMet: null },
      },
      scratch: { kind: 'local', serverVersion: '17.5' },
      leftOut: [{ entry: 'EVENT TRIGGER spy', reason: 'it would run while the drill restores' }],
    },
    estimate: { restoreMs: 61_000, errorMs: 2_000, drills: 3, databaseBytes: 40_000_000 },
  }
}
