import { BackupError, type Restoring } from '@lifeboat/core'
import { type InPlace, planInPlace, recoveringInPlace } from './in-place.js'
import { restorePointPrefix } from './restore-points.js'

/** Restoring a daily backup by its id, or going back to a restore point by `restore-point:NAME`. */
export function restoring(place: InPlace): Restoring {
  const { api } = place
  return {
    ...recoveringInPlace(place),
    async plan(id, { signal } = {}) {
      signal?.throwIfAborted()
      if (id.startsWith(restorePointPrefix)) return planUndo(id.slice(restorePointPrefix.length), signal)
      const { backups, pitr_enabled } = await api.backups(signal)
      const found = backups.find(one => String(one.id) === id)
      if (found === undefined) {
        throw new BackupError('backup-missing', `the project has no backup ${JSON.stringify(id)}`, {
          hint: pitr_enabled
            ? 'with point-in-time recovery there are no daily backups: `lifeboat pitr window PRODUCT`'
            : '`lifeboat list --provider` shows what there is',
        })
      }
      if (found.status !== 'COMPLETED')
        throw new BackupError('provider-refused', `backup ${id} cannot be restored: it is ${found.status}`, {
          hint: 'choose one that is complete: `lifeboat list --provider`',
        })
      if (!found.is_physical_backup)
        throw new BackupError('provider-refused', `backup ${id} is logical, and the API restores physical ones only`, {
          hint: 'restore it in the dashboard, or download it and restore it with pg_restore',
        })
      return planInPlace(place, { kind: 'backup', to: id, send: { send: 'physical', backup: found.id } }, signal)
    },
  }

  async function planUndo(name: string, signal: AbortSignal | undefined) {
    const point = await api.restorePoint(name, signal).catch((error: unknown) => {
      if (error instanceof BackupError && error.code === 'provider-not-found') return undefined
      throw error
    })
    if (point === undefined || point.name !== name)
      throw new BackupError('backup-missing', `the project has no restore point ${JSON.stringify(name)}`)
    if (point.status !== 'AVAILABLE')
      throw new BackupError('provider-refused', `restore point ${name} cannot be gone back to: it is ${point.status}`)
    return planInPlace(place, { kind: 'restore-point', to: name, send: { send: 'undo', name } }, signal)
  }
}
