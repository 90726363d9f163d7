import type { RolesRestoreOperations } from '../api/restoring-roles.js'
import type { BackupName, RetrieveBackupOptions, RunOptions, SelectOptions } from '../api/run-options.js'
import { retrieveBackup } from '../retrieval/retrieve-backup.js'
import { prepareRolesRestore, type RolesRestoreJob, restoreRoles } from '../roles/restore-roles.js'
import type { OpenContext } from './open-context.js'

type ReadOptions = RunOptions & SelectOptions & RetrieveBackupOptions

export function rolesRestoreOperations(context: OpenContext): RolesRestoreOperations {
  const { deps, unlockFor, sealKeysFor, locate } = context
  const jobOf = async (name: BackupName, run: ReadOptions): Promise<RolesRestoreJob> => {
    const backup = await locate(name, run)
    await retrieveBackup(backup, run.retrieve, deps, run)
    const { destination, manifest } = backup
    return {
      backup,
      unlock: await unlockFor(manifest.product, destination)(),
      sealKeys: await sealKeysFor(manifest.product, destination)(),
    }
  }
  return {
    planRolesRestore: async (name, run) => (await prepareRolesRestore(await jobOf(name, run), run)).plan,
    restoreRoles: async (name, run) => restoreRoles(await jobOf(name, run), run),
  }
}
