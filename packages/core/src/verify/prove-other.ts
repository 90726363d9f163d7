import type { Finding } from '../api/verification.js'
import { BackupError } from '../errors/backup-error.js'
import { type BundleSummary, bundleScanned } from '../files/scan-bundle.js'
import type { Artifact } from '../repository/manifest.js'
import { checkRoles, maxRolesBytes } from '../roles/read-roles.js'
import { type ByteSource, readWhole } from '../streams/byte-source.js'
import type { PassingDigest } from '../streams/digest.js'
import { critical } from './finding.js'

/** Reads what is no dump to its proven end. */
export interface OtherProof {
  /** @throws BackupError `archive-truncated`, `archive-invalid` */
  through(source: ByteSource): ByteSource
  /** What stands against it, once it was read. */
  findings(): Finding[]
  /** What was seen, for people. */
  detail(): string | null
}

/** @param digest gets every byte */
export function proveOther(artifact: Artifact, digest: PassingDigest): OtherProof {
  if (artifact.kind === 'files') return proveBundle(artifact, digest)
  if (artifact.kind === 'roles') return proveRoles(artifact, digest)
  return { through: source => digest.through(source), findings: () => [], detail: () => null }
}

function proveBundle(artifact: Artifact, digest: PassingDigest): OtherProof {
  let found: BundleSummary | undefined
  return {
    through: source =>
      bundleScanned(
        source,
        scan => {
          found = scan.summary
        },
        digest,
      ),
    findings: () => [...bundleDiffers(artifact, found), ...bundleTrouble(artifact)],
    detail: () =>
      found === undefined
        ? null
        : `${found.files} files, ${found.folders} folders, ${found.links} links, ${found.bytes} bytes`,
  }
}

/** Holds a bundle against its record. */
export function bundleDiffers({ name, files }: Artifact, found: BundleSummary | undefined): Finding[] {
  if (files === undefined || found === undefined) return []
  const counts = (['files', 'folders', 'links', 'bytes'] as const).filter(one => found[one] !== files[one])
  if (counts.length === 0 && found.entriesSha256 === files.entriesSha256) return []
  const what =
    counts.length === 0
      ? 'the SHA-256 over its entries differs'
      : counts.map(one => `${found[one]} ${one} where the manifest records ${files[one]}`).join(', ')
  return [critical('files-differ', `the files of ${name} are not those the manifest records: ${what}`, null)]
}

function bundleTrouble({ name, files }: Artifact): Finding[] {
  const findings: Finding[] = []
  if (files !== undefined && files.changed > 0)
    findings.push({
      severity: 'warning',
      code: 'files-changed',
      message: `${files.changed} of the files of ${name} changed while they were read, and may be torn`,
      hint: 'the backup said which; leave out what is written all the time, or back up when it rests',
    })
  if (files !== undefined && files.leftOut > 0)
    findings.push({
      severity: 'warning',
      code: 'files-left-out',
      message: `${files.leftOut} of the files of ${name} could not be backed up`,
      hint: 'the backup said which and why; let the user who backs up read them, or exclude them',
    })
  return findings
}

function proveRoles(artifact: Artifact, digest: PassingDigest): OtherProof {
  let count: number | undefined
  return {
    async *through(source) {
      if (artifact.plainBytes > maxRolesBytes)
        throw new BackupError('archive-invalid', `the manifest claims ${artifact.plainBytes} bytes of roles`)
      const sql = await readWhole(digest.through(source), maxRolesBytes)
      count = checkRoles(sql)
      yield sql
    },
    findings: () =>
      count === undefined || artifact.roles === undefined || count === artifact.roles.count
        ? []
        : [critical('roles-differ', `there are ${count} roles, the manifest records ${artifact.roles.count}`, null)],
    detail: () => (count === undefined ? null : `${count} roles`),
  }
}
