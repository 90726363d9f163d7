import { BackupError, isBackupError } from '../errors/backup-error.js'
import { isBackupId, manifestKey } from '../repository/layout.js'
import { listBackups } from '../repository/list-backups.js'
import { databaseArtifact } from '../repository/locate-artifact.js'
import { readManifest } from '../repository/read-manifest.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import type { BackupProvider, ProviderBackup, ProviderCallOptions } from './backup-provider.js'

/**
 * The portable dumps of a product in one store, as a provider: they are listed, opened (the stored, encrypted bytes of the
 * database) and removed. A manifest that cannot be read makes the listing throw, since it would not be complete.
 *
 * Making and restoring them are `Lifeboat.backup` and `Lifeboat.restore`: both take more than a provider is told.
 */
export function dumps(store: ObjectStore, options: { readonly product: string }): BackupProvider {
  const { product } = options
  const manifestOf = async (id: string, signal: AbortSignal | undefined) => {
    if (!isBackupId(id)) return undefined
    const key = manifestKey(product, id)
    try {
      return await readManifest(store, key, signal)
    } catch (error) {
      if (isBackupError(error, 'object-missing')) return undefined
      throw error
    }
  }

  return {
    name: 'dumps',
    location: `${product} at ${store.location}`,

    async *list({ signal }: ProviderCallOptions = {}) {
      signal?.throwIfAborted()
      const { backups, unreadable } = await listBackups(store, { product, destination: store.location }, signal)
      const [damaged] = unreadable
      if (damaged !== undefined)
        throw new BackupError('manifest-invalid', `${damaged.key} cannot be read: ${damaged.message}`, {
          hint: '`lifeboat list` shows the others',
        })
      for (const { id, manifest, storedBytes } of backups) {
        yield {
          ...{ id, kind: 'dump', createdAt: manifest.createdAt, status: 'complete', nativeStatus: 'complete' },
          ...{ expiresAt: null, sizeBytes: storedBytes },
        } satisfies ProviderBackup
      }
    },

    classify: error => (isBackupError(error) ? error.code : store.classify(error)),

    opening: {
      async *open(id, { signal } = {}) {
        signal?.throwIfAborted()
        const manifest = await manifestOf(id, signal)
        const artifact = manifest && databaseArtifact(manifest)
        if (artifact === undefined)
          throw new BackupError('backup-missing', `${product} has no backup ${JSON.stringify(id)} at ${store.location}`)
        try {
          yield* store.get(artifact.key, { signal })
        } catch (error) {
          throw wrapStoreError(error, { store, doing: `read ${artifact.key}`, signal })
        }
      },
    },

    removing: {
      async remove(id, { signal } = {}) {
        signal?.throwIfAborted()
        const manifest = await manifestOf(id, signal)
        if (manifest === undefined) return
        try {
          // The manifest first: what is half removed is then no backup any more.
          for (const key of [manifestKey(product, id), ...manifest.artifacts.map(artifact => artifact.key)])
            await store.remove(key, { signal })
        } catch (error) {
          throw wrapStoreError(error, { store, doing: `remove ${product}/${id}`, signal })
        }
      },
    },
  }
}
