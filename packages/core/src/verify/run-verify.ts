import type { RunOptions } from '../api/run-options.js'
import type { Finding, VerificationLevel, VerificationReport } from '../api/verification.js'
import { exportScanned } from '../archive/export-scan.js'
import { type Scan, scanned } from '../archive/scan-stage.js'
import type { ProductConfig } from '../config/config-schema.js'
import { elapsedMs } from '../elapsed-ms.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import { type LocatedBackup, locateArtifact } from '../repository/locate-artifact.js'
import type { Artifact } from '../repository/manifest.js'
import { plainBytes, storedBytes } from '../repository/read-artifact.js'
import type { ArchivedArtifact } from '../retrieval/retrieve-backup.js'
import type { SealKeys } from '../seal/manifest-seal.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { PassingDigest } from '../streams/digest.js'
import { checkExpectations, checkFunctions } from './check-expectations.js'
import { historyFindings } from './check-history.js'
import { sealFindings } from './check-seal.js'
import { type Checked, checked, findingsOf } from './checked.js'
import { compareScan } from './compare-scan.js'
import { findReplay } from './find-replay.js'
import { critical } from './finding.js'
import { proveOther } from './prove-other.js'

export interface VerifyJob {
  readonly backup: LocatedBackup
  readonly level: VerificationLevel
  /** What cannot be read now, so that the level is `listed` only. Default: nothing. */
  readonly archived?: readonly ArchivedArtifact[] | undefined
  /** Read only when the level needs it. */
  readonly unlock: () => Promise<Unlock>
  /** Read only when the level needs it. */
  readonly sealKeys: () => Promise<SealKeys>
  /** The product's own expectations, where a configuration knows it. */
  readonly verify: ProductConfig['verify'] | undefined
  /** Whether it lies in a configured destination, among the product's other backups. */
  readonly configured: boolean
  /** How old the newest backup may be, in ms. */
  readonly rpoMs: number | undefined
  readonly now: () => Date
  /** Looks at the live database, where that was asked for. */
  readonly live?: ((options: RunOptions) => Promise<readonly Checked[]>) | undefined
}

/**
 * Checks a backup up to a level. Findings are values; it throws only when it could not run (a store that does not
 * answer, a cancellation).
 */
export async function runVerify(job: VerifyJob, options: RunOptions): Promise<VerificationReport> {
  const { backup, level } = job
  const startedAt = job.now()
  const checks: Checked[] = []
  let readBytes = 0
  for (const artifact of backup.manifest.artifacts) {
    throwIfCancelled(options.signal)
    const listed = await checkListed(backup, artifact, options.signal)
    checks.push(checked(`${artifact.name} is there`, listed, `${artifact.storedBytes} bytes`))
    if (listed.length > 0 || level === 'listed') continue
    readBytes += artifact.storedBytes
    if (level === 'stored')
      checks.push(checked(`bytes of ${artifact.name}`, await checkStored(backup, artifact, options)))
    else checks.push(...(await checkContent(job, artifact, options)))
  }
  if (job.archived?.length) checks.push(checked('bytes that can be read', job.archived.map(notRead)))
  // A passphrase that does not open the backup cannot judge its seal either.
  const opened = !findingsOf(checks).some(finding => finding.code === 'wrong-key' || finding.code === 'key-missing')
  if (level === 'content' && opened)
    checks.push(checked('seal', await sealFindings(backup, await job.sealKeys(), options.signal)))
  checks.push(...checkExpectations(backup.manifest, job.verify))
  if (job.configured) {
    const expected = { rpoMs: job.rpoMs, now: job.now(), criticalTables: job.verify?.criticalTables ?? [] }
    checks.push(checked('age, rows and usual size', await historyFindings(backup, expected, options.signal)))
  }
  checks.push(...((await job.live?.(options)) ?? []))
  const findings = withoutRepeated(findingsOf(checks))
  const tables = backup.manifest.tables
  return {
    product: backup.manifest.product,
    id: backup.manifest.id,
    destination: backup.destination,
    level,
    ok: findings.every(finding => finding.severity !== 'critical'),
    findings,
    checks: checks.map(({ name, ok, detail }) => ({ name, ok, detail })),
    live: job.live !== undefined,
    tables: tables?.length ?? null,
    rows: tables?.reduce((sum, table) => sum + table.rows, 0) ?? null,
    readBytes,
    durationMs: elapsedMs(startedAt, job.now()),
  }
}

/** That a key does not open the backup is said once, and not for each of its artifacts. */
function withoutRepeated(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ code, message }, at) => {
    if (code !== 'wrong-key' && code !== 'key-missing') return true
    return findings.findIndex(one => one.code === code && one.message === message) === at
  })
}

/** Not damage: nobody has looked. */
function notRead({ key, storageClass, state }: ArchivedArtifact): Finding {
  const where = state === 'archived' ? `lies in ${storageClass}` : `is being retrieved from ${storageClass}`
  return {
    severity: 'warning',
    code: 'artifact-archived',
    message: `${key} ${where}: its bytes were not read, only its length was looked at`,
    hint: '`lifeboat verify BACKUP --retrieve` asks the service for it, which costs money and takes hours',
  }
}

async function checkListed(
  backup: LocatedBackup,
  artifact: Artifact,
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const key = locateArtifact(backup, artifact)
  const { store } = backup
  const found = await store.head(key, { signal }).catch((error: unknown) => {
    throw wrapStoreError(error, { store, doing: `look at ${key}`, signal })
  })
  if (found === undefined)
    return [
      critical('artifact-missing', `${key} is missing`, 'restore from another destination or backup: `lifeboat list`'),
    ]
  if (found.sizeBytes === artifact.storedBytes) return []
  return [
    critical(
      'artifact-length',
      `${key} has ${found.sizeBytes} bytes, the manifest records ${artifact.storedBytes}`,
      'restore from another destination or backup: `lifeboat list`',
    ),
  ]
}

async function checkStored(backup: LocatedBackup, artifact: Artifact, options: RunOptions): Promise<Finding[]> {
  const digest = new PassingDigest()
  for await (const _ of progressing(storedBytes(backup, artifact, digest, options.signal), {
    stage: 'verify',
    totalBytes: artifact.storedBytes,
    emit: emitterFor(options.onEvent),
  })) {
    // Only the digest matters.
  }
  if (digest.bytes === artifact.storedBytes && digest.sha256 === artifact.storedSha256) return []
  return [
    (await findReplay(backup, artifact, digest.sha256, options.signal)) ??
      critical(
        'artifact-checksum',
        `${artifact.key} has changed since it was stored: its SHA-256 differs`,
        'restore from another destination or backup: `lifeboat list`',
      ),
  ]
}

/** Codes of failures that say something about the backup; any other failure says that the check could not run. */
const damageCodes: Readonly<Record<string, string>> = {
  'object-damaged': 'artifact-damaged',
  'archive-truncated': 'archive-truncated',
  'archive-invalid': 'archive-invalid',
  'wrong-key': 'wrong-key',
  'key-missing': 'key-missing',
  'object-missing': 'artifact-missing',
}

async function checkContent(job: VerifyJob, artifact: Artifact, options: RunOptions): Promise<Checked[]> {
  const { backup } = job
  const name = `content of ${artifact.name}`
  let scan: Scan | undefined
  const digest = new PassingDigest()
  const other = proveOther(artifact, digest)
  try {
    const plain = progressing(plainBytes(backup, artifact, await job.unlock(), options.signal), {
      stage: 'verify',
      totalBytes: artifact.plainBytes,
      emit: emitterFor(options.onEvent),
    })
    const read = { database: scanned, export: exportScanned, roles: undefined, files: undefined }[artifact.kind]
    const source =
      read?.(
        plain,
        done => {
          scan = done
        },
        artifact.frameSha256 === undefined ? 'hash' : 'look',
      ) ?? other.through(plain)
    for await (const _ of source) {
      // The stages look at the bytes as they pass.
    }
  } catch (error) {
    throwIfCancelled(options.signal)
    if (!isBackupError(error)) throw error
    const code = damageCodes[error.code]
    if (code === undefined) throw error
    const found = critical(code, error.message, error.hint ?? null)
    // Read once more as it lies: bytes of another backup deserve a name of their own.
    const changed = code === 'artifact-missing' ? [] : await checkStored(backup, artifact, options)
    // Damage to the part that holds the keys looks like a wrong key, which would say nothing about the backup.
    if (code === 'wrong-key' && changed.length > 0) return [checked(name, changed)]
    return [checked(name, [found, ...changed.filter(one => one.code === 'artifact-replayed')])]
  }
  const findings = isAsRecorded(artifact, scan, digest)
    ? []
    : [
        critical(
          'content-checksum',
          `the content of ${artifact.key} is not what was dumped: its SHA-256 differs`,
          'restore from another destination or backup',
        ),
      ]
  if (scan === undefined) return [checked(name, [...findings, ...other.findings()], other.detail())]
  const { toc } = scan.summary
  const content = checked(name, [...findings, ...compareScan(backup.manifest, scan)])
  return [content, ...(toc === null ? [] : checkFunctions(toc, job.verify))]
}

/** Whether the plain bytes, or what of an archive is not in its tables, have the hash that the manifest records. */
function isAsRecorded(artifact: Artifact, scan: Scan | undefined, digest: PassingDigest): boolean {
  if (artifact.frameSha256 !== undefined) return scan?.summary.frameSha256 === artifact.frameSha256
  return (scan ?? digest).sha256 === artifact.plainSha256
}
