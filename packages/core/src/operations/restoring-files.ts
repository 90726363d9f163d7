import type { FilesRestoreOperations } from '../api/restoring-files.js'
import { type FilesRestoreJob, listFiles, planFilesRestore, restoreFiles } from '../files/restore-files.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { OpenContext } from './open-context.js'

export function filesRestoreOperations({ unlockFor, sealKeysFor, locate }: OpenContext): FilesRestoreOperations {
  const jobOf = async (backup: LocatedBackup): Promise<FilesRestoreJob> => ({
    backup,
    unlock: await unlockFor(backup.manifest.product)(),
    sealKeys: await sealKeysFor(backup.manifest.product)(),
  })
  return {
    files: async (name, run = {}) => listFiles(await jobOf(await locate(name, run)), run),
    planFilesRestore: async (name, run) => planFilesRestore(await jobOf(await locate(name, run)), run),
    restoreFiles: async (name, run) => restoreFiles(await jobOf(await locate(name, run)), run),
  }
}
