import type { BackupError } from '../errors/backup-error.js'
import type { EventListener } from '../events/backup-event.js'
import { removeTogether } from '../store/remove-together.js'
import { type LocatedBackup, locateArtifact } from './locate-artifact.js'

/**
 * Removes a backup: its manifest first, then what it names, nothing else; with the older versions that the place keeps. The
 * caller holds the product's lock.
 * @returns what the place keeps of it and why, such as a lock of its own; undefined when it is gone
 */
export async function removeBackup(
  backup: LocatedBackup,
  signal?: AbortSignal,
  emit: EventListener = () => {},
  onFailure?: (error: BackupError) => void,
): Promise<string | undefined> {
  const { store, folder, manifest, destination } = backup
  const keys = [`${folder}manifest.json`, ...manifest.artifacts.map(one => locateArtifact(backup, one))]
  return removeTogether(store, keys, {
    destination,
    what: `${manifest.product}/${manifest.id}`,
    emit,
    signal,
    onFailure,
  })
}
