import type { ListedBackup } from '../../api/backups.js'
import type { ObjectSetStatus } from '../../api/status.js'
import { resolveConfig } from '../../config/define-config.js'
import { secret } from '../../config/secret.js'
import type { Manifest } from '../../repository/manifest.js'
import { type DrillRecord, type ProofRecord, proofRecordSchema } from '../../repository/record-schema.js'
import { memoryStore } from '../../store/memory-store.js'
import { composeReport, type StoredBackups } from '../compose-report.js'
import type { ReportModel } from '../report-model.js'

const day = 86_400_000
const hour = 3_600_000
export const sampleNow = new Date('2026-11-21T09:30:00Z')

/** A name that would do harm where it is not escaped. */
export const hostile =
  '</style><script>alert(1)</script>"\'&<img src=http://evil.example.org/x onerror=alert(2)>\u202e\u001b[31m'

const at = (msAgo: number) => new Date(sampleNow.getTime() - msAgo).toISOString()

export function sampleBackup(
  product: string,
  destination: string,
  msAgo: number,
  change: { readonly rows?: number; readonly storedBytes?: number; readonly tookMs?: number } = {},
): ListedBackup {
  const createdAt = at(msAgo)
  const id = `${createdAt.slice(0, 19).replace(/[-:]/g, '')}Z-7f3k9q`
  const { rows = 1_234_567, storedBytes = 420_000_000, tookMs = 45_000 } = change
  const hash = 'a'.repeat(64)
  const manifest: Manifest = {
    ...{ format: 'lifeboat/1', id, product, createdAt, finishedAt: at(msAgo - tookMs), reason: 'nightly', labels: {} },
    tool: { name: 'lifeboat', version: '0.1.0' },
    source: {
      ...{ serverVersion: '17.2', database: product, databaseBytes: 2e9, encoding: 'UTF8', extensions: [] },
      ...{ pgDumpVersion: '17.2', snapshotCounts: { taken: true, why: null } },
    },
    artifacts: [
      {
        ...{ name: 'database.dump', key: `${product}/${id}/database.dump.gz.gpg`, kind: 'database', storedBytes },
        ...{ storedSha256: hash, plainBytes: storedBytes * 3, plainSha256: hash, codec: 'gzip' },
        encryption: { kind: 'passphrase' },
      },
    ],
    tables: [{ schema: 'public', name: 'orders', rows, bytes: rows * 80, sha256: hash }],
    ...{ contents: null, largeObjects: null, destinations: [{ name: destination, outcome: 'stored' }], seal: null },
  }
  return { product, id, destination, location: `/backups/${destination}`, manifest, storedBytes }
}

export function sampleVerification(backup: ListedBackup, msAfter: number, more: object = {}): ProofRecord {
  return proofRecordSchema.parse({
    ...{ product: backup.product, id: backup.id, destination: backup.destination, level: 'content', ok: true },
    at: new Date(Date.parse(backup.manifest.createdAt) + msAfter).toISOString(),
    ...{ durationMs: 31_000, storedSha256: ['a'.repeat(64)], ...more },
  })
}

export function sampleDrill(backup: ListedBackup, msAfter: number, more: object = {}): DrillRecord {
  const startedAt = new Date(Date.parse(backup.manifest.createdAt) + msAfter).toISOString()
  const step = (name: string, startedAfterMs: number, durationMs: number) => ({
    step: name,
    startedAfterMs,
    durationMs,
  })
  return proofRecordSchema.parse({
    ...{ kind: 'drill', product: backup.product, id: backup.id, destination: backup.destination, level: 'restored' },
    ...{ ok: true, storedSha256: ['a'.repeat(64)], startedAt, databaseBytes: 2e9, leftOut: [] },
    ...{ at: new Date(Date.parse(startedAt) + 1_260_000).toISOString(), durationMs: 1_260_000 },
    finishedAt: new Date(Date.parse(startedAt) + 1_260_000).toISOString(),
    steps: [
      step('find', 0, 1_200),
      step('open the scratch server', 1_200, 2_400),
      step('fetch, decrypt, definitions and rows', 3_600, 620_000),
      step('sequences and large objects', 623_600, 4_000),
      step('indexes, constraints, triggers', 627_600, 310_000),
      step('checks', 937_600, 40_000),
      step('proof', 977_600, 270_000),
      step('tear down', 1_247_600, 12_400),
    ],
    proof: {
      ...{ kind: 'content', tables: 48, rows: 1_234_567, countedOnly: 0, sequences: 31, largeObjects: 0, entries: 412 },
      differences: 0,
    },
    objectives: {
      ...{ ageMs: msAfter, rpoMs: day, rpoMet: true, recoveryMs: 937_600, totalMs: 1_260_000 },
      ...{ rtoMs: hour, rtoMet: true },
    },
    scratch: { kind: 'local', serverVersion: '17.2' },
    ...more,
  }) as DrillRecord
}

const product = (rpo: string, rto: string) => ({
  objectives: { rpo, rto },
  source: { url: secret.env('DATABASE_URL'), excludeTableData: ['public.sessions'] },
  encryption: { passphrase: secret.env('PASSPHRASE') },
  destinations: { local: { store: memoryStore() }, offsite: { store: memoryStore() } },
})

/** A set of copied objects: copied here, never there, and with hostile names. */
const sampleSet: ObjectSetStatus = {
  ...{ set: 'uploads', source: `s3://bucket/${hostile}`, rpoMs: day, nextRun: null },
  destinations: [
    {
      ...{ destination: 'local', location: '/backups', reachable: true, snapshots: 31 },
      newest: {
        ...{
          id: '20261121T030000Z-7f3k9q',
          createdAt: '2026-11-21T03:00:00.000Z',
          ageMs: 9 * hour,
          objects: 1_234_567,
        },
        ...{ plainBytes: 9e11, storedBytes: 9e11, addedBytes: 4e6, missed: 2, durationMs: 60_000, verified: null },
      },
      lastVerification: {
        ...{ id: '20261114T030000Z-7f3k9q', destination: 'local', at: '2026-11-14T05:00:00.000Z', ok: true },
        ...{ level: 'content', sample: 0.01 },
      },
    },
    {
      ...{ destination: 'offsite', location: `s3://bucket/${hostile}`, reachable: true, snapshots: 0, newest: null },
      lastVerification: null,
    },
  ],
}

/** Three products: one as it should be, one with worries, one in trouble and with hostile names. */
export function sampleReport(): ReportModel {
  const backups: ListedBackup[] = []
  const records: ProofRecord[] = []
  for (let n = 89; n >= 0; n--) {
    const change = { rows: 1_000_000 + (90 - n) * 2900, storedBytes: 300e6 + (90 - n) * 1.4e6 + (n % 7) * 4e6 }
    for (const destination of ['local', 'offsite']) {
      const backup = sampleBackup('shop', destination, n * day + 7.5 * hour, {
        ...change,
        tookMs: 38_000 + (n % 5) * 3100,
      })
      backups.push(backup)
      records.push(sampleVerification(backup, 3 * hour, n === 34 && destination === 'local' ? { ok: false } : {}))
      if (n % 30 === 5 && destination === 'offsite') {
        const slower = { ...sampleDrill(backup, 6 * hour).objectives, totalMs: 1_260_000 + n * 9000 }
        records.push(sampleDrill(backup, 6 * hour, { objectives: slower }))
      }
    }
  }
  for (let n = 12; n >= 0; n--)
    backups.push(sampleBackup('booking', 'local', n * 7 * day + 4 * hour, { rows: 8000 + n }))
  const findings = [
    {
      severity: 'critical',
      code: 'rows-differ',
      message: `public.${hostile} has 3 rows in the archive, 4 in the manifest`,
      hint: null,
    },
    {
      severity: 'warning',
      code: 'size-unusual',
      message: 'the backup has 200 bytes, the 7 before it 90000 in the median',
      hint: hostile,
    },
  ]
  for (const n of [9, 8, 7, 3]) {
    const backup = sampleBackup('ledger', 'offsite', n * day, { rows: 50_000, storedBytes: 9_000_000 / n })
    backups.push({ ...backup, location: `s3://bucket/${hostile}` })
    if (n === 3) records.push(sampleVerification(backup, hour, { ok: false, findings }))
    if (n === 8)
      records.push(
        sampleDrill(backup, hour, {
          ...{ ok: false, proof: null, steps: [{ step: hostile, startedAfterMs: 0, durationMs: 900_000 }] },
          leftOut: [{ entry: `SUBSCRIPTION ${hostile}`, reason: 'nothing in a drill connects outward' }],
        }),
      )
  }
  const stored: StoredBackups = {
    ...{ backups, unreadable: [], refused: [] },
    unreachable: [{ product: 'ledger', destination: 'local', message: `no answer from ${hostile}` }],
    objects: [{ product: 'ledger', sets: [sampleSet], findings: [] }],
  }
  const config = resolveConfig({
    products: { shop: product('24h', '1h'), booking: product('8h', '4h'), ledger: product('24h', '10m') },
  })
  return composeReport(records, stored, config, sampleNow)
}
