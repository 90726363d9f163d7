import { BackupError, type PointInTime } from '@lifeboat/core'
import { recoveryWindow } from '../backups/recovery-window.js'
import { type InPlace, planInPlace, recoveringInPlace } from './in-place.js'

/** Going back to an instant. Supabase counts in whole seconds. */
export function pointInTime(place: InPlace): PointInTime {
  const { api } = place
  const window = async (signal: AbortSignal | undefined) => recoveryWindow(await api.backups(signal))
  return {
    ...recoveringInPlace(place),
    async window({ signal } = {}) {
      signal?.throwIfAborted()
      return window(signal)
    },
    async plan(at, { signal } = {}) {
      signal?.throwIfAborted()
      const unix = Math.floor(at.getTime() / 1000)
      if (!Number.isSafeInteger(unix)) throw new BackupError('outside-window', 'that is not an instant')
      const { status, earliest, latest, notes } = await window(signal)
      if (status === 'unavailable') {
        throw new BackupError('provider-plan', 'the project does not have point-in-time recovery', {
          hint: 'it is an add-on, bought in the dashboard; daily backups are in `lifeboat list --provider`',
        })
      }
      const instant = new Date(unix * 1000)
      if (earliest === null || latest === null)
        throw new BackupError('outside-window', `there is no recovery window yet: ${notes.join('; ')}`, {
          hint: 'wait for the first base backup: `lifeboat pitr window PRODUCT`',
        })
      if (instant < new Date(earliest) || instant > new Date(latest)) {
        throw new BackupError(
          'outside-window',
          `${instant.toISOString()} is outside the recovery window, ${earliest} to ${latest}`,
          { hint: 'choose an instant inside; the end moves with what is written' },
        )
      }
      return planInPlace(place, { kind: 'instant', to: instant.toISOString(), send: { send: 'pitr', unix } }, signal)
    },
  }
}
