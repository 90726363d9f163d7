import type { ContentsOptions, RestoreOperations, RestoreOptions } from '../api/restoring.js'
import { withHooks } from '../hooks/with-hooks.js'
import { withServicesPaused } from '../maintenance/pause-services.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { prepareRestore, type RestoreJob } from '../restore/plan-restore.js'
import { readBackupContents } from '../restore/read-backup-contents.js'
import { runRestore } from '../restore/run-restore.js'
import { retrieveBackup } from '../retrieval/retrieve-backup.js'
import type { OpenContext } from './open-context.js'
import { pauseWorkOf } from './pause-work.js'
import { sourceOf } from './source-of.js'

export function restoreOperations(context: OpenContext): RestoreOperations {
  const { deps, known, unlockFor, sealKeysFor, locate } = context
  const restoreJob = async (backup: LocatedBackup): Promise<RestoreJob> => {
    const product = known(backup.manifest.product)
    return {
      backup,
      unlock: await unlockFor(backup.manifest.product, backup.destination)(),
      sealKeys: await sealKeysFor(backup.manifest.product, backup.destination)(),
      source: await sourceOf(product),
      findPgTools: deps.findPgTools,
    }
  }

  const readable = async (name: string, run: RestoreOptions | ContentsOptions) => {
    const backup = await locate(name, run)
    await retrieveBackup(backup, run.retrieve, deps, run)
    return backup
  }

  return {
    async contents(name, run = {}) {
      const backup = await readable(name, run)
      return readBackupContents({ backup, unlock: await unlockFor(backup.manifest.product, backup.destination)() }, run)
    },
    planRestore: async (name, run) => (await prepareRestore(await restoreJob(await readable(name, run)), run)).plan,
    async restore(name, run) {
      const job = await restoreJob(await readable(name, run))
      const { product, id } = job.backup.manifest
      const facts = { product, backup: id, target: parseConnectionUrl(run.to).description }
      const outcome = () => ({ status: 'ok', backup: id }) as const
      const work = async () => {
        if (!run.pause && !run.resume) return runRestore(job, run)
        const pausing = pauseWorkOf(context, product, run)
        return withServicesPaused(pausing, signal => runRestore(job, { ...run, signal }), { ...run, adopt: run.resume })
      }
      const { folder } = context
      return withHooks({ around: 'Restore', config: known(product), folder, facts, outcome, work }, run)
    },
  }
}
