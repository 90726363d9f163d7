import type { FilesRestoreOperations } from '../api/restoring-files.js'
import type { BackupName, RetrieveBackupOptions, RunOptions, SelectOptions } from '../api/run-options.js'
import { type FilesRestoreJob, listFiles, planFilesRestore, restoreFiles } from '../files/restore-files.js'
import { retrieveBackup } from '../retrieval/retrieve-backup.js'
import type { OpenContext } from './open-context.js'

type ReadOptions = RunOptions & SelectOptions & RetrieveBackupOptions

export function filesRestoreOperations(context: OpenContext): FilesRestoreOperations {
  const { deps, unlockFor, sealKeysFor, locate } = context
  const jobOf = async (name: BackupName, run: ReadOptions & { readonly plan?: true }): Promise<FilesRestoreJob> => {
    const backup = await locate(name, run)
    // A plan needs the manifest alone, which no archive holds.
    if (!run.plan) await retrieveBackup(backup, run.retrieve, deps, run)
    const { destination, manifest } = backup
    return {
      backup,
      unlock: await unlockFor(manifest.product, destination)(),
      sealKeys: await sealKeysFor(manifest.product, destination)(),
    }
  }
  return {
    files: async (name, run = {}) => listFiles(await jobOf(name, run), run),
    planFilesRestore: async (name, run) => planFilesRestore(await jobOf(name, { ...run, plan: true }), run),
    restoreFiles: async (name, run) => restoreFiles(await jobOf(name, run), run),
  }
}
