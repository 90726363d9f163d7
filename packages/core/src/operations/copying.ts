import type { CopyOperations } from '../api/copying.js'
import { copyBackup } from '../copy/copy-backup.js'
import { BackupError } from '../errors/backup-error.js'
import type { OpenContext } from './open-context.js'

export function copyOperations(context: OpenContext): CopyOperations {
  const { deps } = context
  return {
    async copy(name, run) {
      if (run.from === run.to)
        throw new BackupError('config-invalid', `${run.to} is not copied to itself`, { hint: 'name two destinations' })
      const { signal, onEvent } = run
      const backup = await context.locate(name, { signal, onEvent, destination: run.from, except: run.to })
      // Never empty: a name that is not configured is refused.
      const [found] = context.destinationsFor(backup.manifest.product, run, run.to)
      const [destination, { store }] = found!
      return copyBackup({ backup, to: { name: destination, store }, deps }, run)
    },
  }
}
