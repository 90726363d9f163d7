import type { Finding } from '../api/verification.js'
import { listBackups } from '../repository/list-backups.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { Artifact } from '../repository/manifest.js'
import { critical } from './finding.js'

/** Whether bytes of this hash are what another backup of the product stored: swapped, or an old one played again. */
export async function findReplay(
  backup: LocatedBackup,
  artifact: Artifact,
  storedSha256: string,
  signal: AbortSignal | undefined,
): Promise<Finding | undefined> {
  const { product, id } = backup.manifest
  const { backups } = await listBackups(backup.store, { product, destination: backup.destination }, signal)
  const origin = backups.find(
    other => other.id !== id && other.manifest.artifacts.some(one => one.storedSha256 === storedSha256),
  )
  if (origin === undefined) return undefined
  return critical(
    'artifact-replayed',
    `${artifact.key} is the artifact of ${product}/${origin.id}, not of this backup`,
    'somebody copied it over: restore from another destination or backup, and see who may write to the store',
  )
}
