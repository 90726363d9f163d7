import { BackupError, type Keeping } from '@lifeboat/core'
import type { ManagementApi } from '../api/management-api.js'

/**
 * The key that a project's Vault and column encryption hang on, 64 hex digits. It is in no backup: rows restored into
 * another project cannot be read there without it.
 */
export function rootKey(api: ManagementApi): Keeping {
  return {
    what: 'Vault root key',
    async read({ signal } = {}) {
      signal?.throwIfAborted()
      return (await api.rootKey(signal)).root_key
    },
    async putBack(key, { signal } = {}) {
      signal?.throwIfAborted()
      const wanted = key.trim().toLowerCase()
      if (!/^[0-9a-f]{64}$/.test(wanted))
        throw new BackupError('config-invalid', 'that is not a root key: 64 hex digits', {
          hint: 'open the file that `lifeboat root-key save PRODUCT` wrote with the key that it was encrypted to',
        })
      const now = await api.putRootKey({ root_key: wanted }, signal)
      if (now.root_key.toLowerCase() !== wanted)
        throw new BackupError('provider-answer-invalid', 'Supabase took the root key and says another one now', {
          hint: 'ask the support before anything is written to the Vault',
        })
    },
  }
}
