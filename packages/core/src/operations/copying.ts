import type { CopyOperations } from '../api/copying.js'
import type { EncryptionConfig, ProductConfig } from '../config/config-schema.js'
import { copyBackup } from '../copy/copy-backup.js'
import { BackupError } from '../errors/backup-error.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { retrieveBackup } from '../retrieval/retrieve-backup.js'
import type { OpenContext } from './open-context.js'

/**
 * A copy is stored as it lies. A destination whose readers are its own must not get what others can read: it would hold
 * their key's backups without anybody having said so.
 */
function refuseOtherReaders(config: ProductConfig, backup: LocatedBackup, to: string): void {
  const own = config.destinations[to]?.encryption
  if (own === undefined || sameReaders(own, config.destinations[backup.destination]?.encryption)) return
  throw new BackupError('config-invalid', `${to} has readers of its own, and ${backup.destination} has others`, {
    hint: 'a copy is not decrypted: copy from a destination with the same readers, or `lifeboat backup --to` it',
  })
}

function sameReaders(one: EncryptionConfig, other: EncryptionConfig | undefined): boolean {
  if (other === undefined) return false
  if ('passphrase' in one || 'passphrase' in other)
    return 'passphrase' in one && 'passphrase' in other && one.passphrase.read() === other.passphrase.read()
  return (
    one.recipients.length === other.recipients.length && one.recipients.every(key => other.recipients.includes(key))
  )
}

export function copyOperations(context: OpenContext): CopyOperations {
  const { deps } = context
  return {
    async copy(name, run) {
      if (run.from === run.to)
        throw new BackupError('config-invalid', `${run.to} is not copied to itself`, { hint: 'name two destinations' })
      const { signal, onEvent } = run
      const backup = await context.locate(name, { signal, onEvent, destination: run.from, except: run.to })
      await retrieveBackup(backup, run.retrieve, deps, run)
      // Never empty: a name that is not configured is refused.
      const [found] = context.destinationsFor(backup.manifest.product, run, run.to)
      const [destination, { store }] = found!
      refuseOtherReaders(context.productOf(backup.manifest.product), backup, destination)
      return copyBackup({ backup, to: { name: destination, store }, deps }, run)
    },
  }
}
