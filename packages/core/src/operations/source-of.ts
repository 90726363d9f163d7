import type { ProductConfig } from '../config/config-schema.js'
import { BackupError } from '../errors/backup-error.js'
import { type ConnectionTarget, parseConnectionUrl } from '../postgres/connection-target.js'
import { sourceAddress } from '../provider/source-address.js'

/** The database that a product's backups are made of, where this machine can know. */
export async function sourceOf(product: ProductConfig | undefined): Promise<ConnectionTarget | undefined> {
  if (product === undefined) return undefined
  try {
    return parseConnectionUrl(await sourceAddress(product, { readOnly: true }))
  } catch (error) {
    // A machine that only restores need not know the source's address; without it nothing can be confused with it. And in
    // the disaster a restore is for, the provider may not know the source any more.
    if (error instanceof BackupError && (error.code === 'secret-missing' || product.source.url === 'provider'))
      return undefined
    throw error
  }
}
