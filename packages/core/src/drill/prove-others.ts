import { mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Unlock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import { restoreBundle } from '../files/restore-files.js'
import { spokenBytes } from '../report/quantities.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { Artifact } from '../repository/manifest.js'
import { plainBytes } from '../repository/read-artifact.js'
import { PassingDigest } from '../streams/digest.js'
import { type Checked, checked } from '../verify/checked.js'
import { proveOther } from '../verify/prove-other.js'

/** What of a backup is no database. */
export function otherArtifacts({ manifest }: LocatedBackup): Artifact[] {
  return manifest.artifacts.filter(one => one.kind === 'files' || one.kind === 'roles')
}

/**
 * Rehearses what a restore does with an artifact that is no database: files are unpacked into the drill's own folder, each read
 * again, and removed; roles are read to their proven end.
 * @throws BackupError `target-unfit` where the disk has no room, and what reading and unpacking throw
 */
export async function proveOtherArtifact(
  work: { readonly backup: LocatedBackup; readonly unlock: Unlock; readonly workFolder: string },
  artifact: Artifact,
  signal: AbortSignal | undefined,
): Promise<Checked> {
  const { backup, unlock, workFolder } = work
  if (artifact.kind === 'roles') {
    const proof = proveOther(artifact, new PassingDigest())
    for await (const _ of proof.through(plainBytes(backup, artifact, unlock, signal))) {
      // Read to its end; what stands against it comes after.
    }
    return checked('roles read to their end', proof.findings(), proof.detail())
  }
  const { bavail, bsize } = await statfs(workFolder)
  if (bavail * bsize < artifact.plainBytes)
    throw new BackupError(
      'target-unfit',
      `there is no room for the ${spokenBytes(artifact.plainBytes)} of ${artifact.name} in ${workFolder}`,
      {
        hint: 'make room in the folder for temporary files, or name another one in TMPDIR',
      },
    )
  const folder = join(workFolder, `files-${artifact.name}`)
  await mkdir(folder, { mode: 0o700 })
  try {
    const { files, folders, links } = await restoreBundle({ backup, unlock }, artifact, folder, { signal })
    return checked(
      `files of ${artifact.name} unpacked`,
      [],
      `${files} files, ${folders} folders, ${links} links, read again`,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
