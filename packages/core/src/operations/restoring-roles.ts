import type { RolesRestoreOperations } from '../api/restoring-roles.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { prepareRolesRestore, type RolesRestoreJob, restoreRoles } from '../roles/restore-roles.js'
import type { OpenContext } from './open-context.js'

export function rolesRestoreOperations({ unlockFor, sealKeysFor, locate }: OpenContext): RolesRestoreOperations {
  const jobOf = async (backup: LocatedBackup): Promise<RolesRestoreJob> => ({
    backup,
    unlock: await unlockFor(backup.manifest.product)(),
    sealKeys: await sealKeysFor(backup.manifest.product)(),
  })
  return {
    planRolesRestore: async (name, run) => (await prepareRolesRestore(await jobOf(await locate(name, run)), run)).plan,
    restoreRoles: async (name, run) => restoreRoles(await jobOf(await locate(name, run)), run),
  }
}
