import type { VerificationReport } from '../api/verification.js'
import type { Manifest } from '../repository/manifest.js'
import { hashManifest } from '../repository/manifest-hash.js'
import type { VerificationRecord } from '../repository/record-schema.js'
import { isSound } from './finding.js'

/** What the store keeps of a verification. */
export function recordOf(report: VerificationReport, manifest: Manifest, now: Date): VerificationRecord {
  return {
    kind: 'verification',
    product: manifest.product,
    id: manifest.id,
    destination: report.destination,
    at: now.toISOString(),
    durationMs: report.durationMs,
    level: report.level,
    live: report.live,
    ok: isSound(report.findings),
    storedSha256: manifest.artifacts.map(artifact => artifact.storedSha256),
    findings: [...report.findings],
    checks: [...report.checks],
    ...backupFacts(manifest),
  }
}

/** What a record repeats of its backup, so that a trend outlives it. */
export function backupFacts(manifest: Manifest) {
  return {
    manifestSha256: hashManifest(manifest),
    backupCreatedAt: manifest.createdAt,
    storedBytes: manifest.artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0),
    plainBytes: manifest.artifacts.reduce((sum, artifact) => sum + artifact.plainBytes, 0),
    tables: manifest.tables?.length ?? null,
    rows: manifest.tables?.reduce((sum, table) => sum + table.rows, 0) ?? null,
  }
}
