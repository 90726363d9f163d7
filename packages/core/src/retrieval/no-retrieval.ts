import { BackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'

/** What lies in an archive of a store that cannot be asked to bring it back. */
export function noRetrieval(store: ObjectStore): BackupError {
  return new BackupError('store-refused', `${store.location} retrieves nothing from archives`, {
    hint: "ask for the objects in the service's own console, then run the same again without `--retrieve`; or use another destination",
  })
}
