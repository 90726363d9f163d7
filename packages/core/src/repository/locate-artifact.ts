import type { ObjectStore } from '../store/object-store.js'
import { backupPrefix } from './layout.js'
import type { Artifact, Manifest } from './manifest.js'

/** A backup and where it lies. */
export interface LocatedBackup {
  readonly store: ObjectStore
  /** The name of the configured destination, or the store's location for an address. */
  readonly destination: string
  /** The folder of the backup in the store, with a trailing slash; not always `product/id/` for a copy. */
  readonly folder: string
  readonly manifest: Manifest
}

/** The key under which an artifact of a located backup lies. */
export function locateArtifact(backup: LocatedBackup, artifact: Artifact): string {
  return backup.folder + artifact.key.slice(backupPrefix(backup.manifest.product, backup.manifest.id).length)
}

/** The database's artifact, if the backup has one. */
export function databaseArtifact(manifest: Manifest): Artifact | undefined {
  return manifest.artifacts.find(artifact => artifact.kind === 'database')
}

/** What a restore reads: the dump, else a mirrored export. */
export function restorableArtifact(manifest: Manifest): Artifact | undefined {
  return databaseArtifact(manifest) ?? manifest.artifacts.find(artifact => artifact.kind === 'export')
}

/** How much of a backup is its database, as it is stored. Files beside it grow and shrink for reasons of their own. */
export function storedDatabaseBytes(manifest: Manifest): number {
  return restorableArtifact(manifest)?.storedBytes ?? 0
}

/** Whether a backup is a mirrored export: listed, verified and kept like a dump, but restored by way of a folder. */
export function isExport(manifest: Manifest): boolean {
  return manifest.artifacts.some(artifact => artifact.kind === 'export')
}
