import type { ObjectSetConfig } from '../config/objects-schema.js'
import { BackupError } from '../errors/backup-error.js'

/** A set of objects of a product by its name. @throws BackupError `config-invalid`, naming those that are configured */
export function findSet(
  product: string,
  sets: Readonly<Record<string, ObjectSetConfig>> | undefined,
  set: string,
): ObjectSetConfig {
  const found = sets !== undefined && Object.hasOwn(sets, set) ? sets[set] : undefined
  if (found !== undefined) return found
  throw new BackupError('config-invalid', `${product} has no set of objects ${JSON.stringify(set)}`, {
    hint: `configured: ${Object.keys(sets ?? {}).join(', ') || 'none'}`,
  })
}
