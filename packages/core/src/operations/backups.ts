import type { BackupOperations, BackupResult, ListedBackup, ListResult, Unreadable } from '../api/backups.js'
import { runBackup } from '../backup/run-backup.js'
import { withHooks } from '../hooks/with-hooks.js'
import { listIncluded, listMissing } from '../report/list-included.js'
import { listBackups } from '../repository/list-backups.js'
import type { OpenContext } from './open-context.js'

export function backupOperations(context: OpenContext): BackupOperations {
  const { products, folder, deps } = context
  return {
    async backup(product, run = {}) {
      const config = context.productFor(product, run)
      const facts = { product, reason: run.reason ?? 'manual' }
      const outcome = ({ status, id }: BackupResult) =>
        ({ status: status === 'complete' ? 'ok' : status, backup: id }) as const
      const work = () => runBackup({ product, config, folder, deps }, run)
      return withHooks({ around: 'Backup', config, folder, facts, outcome, work }, run)
    },
    async list(product, select = {}) {
      const backups: ListedBackup[] = []
      const unreadable: Unreadable[] = []
      for (const name of product === undefined ? products : [product]) {
        for (const [destination, { store }] of context.destinationsFor(name, select, select.destination)) {
          const found: ListResult = await listBackups(store, { product: name, destination }, select.signal)
          backups.push(...found.backups)
          unreadable.push(...found.unreadable)
        }
      }
      backups.sort((a, b) => b.manifest.createdAt.localeCompare(a.manifest.createdAt) || b.id.localeCompare(a.id))
      return { backups, unreadable }
    },
    async show(name, select = {}) {
      const { manifest, destination, store } = await context.locate(name, select)
      const storedBytes = manifest.artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0)
      return {
        product: manifest.product,
        id: manifest.id,
        destination,
        location: store.location,
        manifest,
        storedBytes,
        included: listIncluded(manifest),
        notIncluded: listMissing(manifest, context.known(manifest.product)),
      }
    },
  }
}
