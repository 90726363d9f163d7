import type { RunOptions, SelectOptions } from '../api/run-options.js'
import type { ResolvedConfig } from '../config/config-schema.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import type { ObjectStore } from '../store/object-store.js'
import { isBackupId, manifestKey } from './layout.js'
import { listBackups } from './list-backups.js'
import { isExport, type LocatedBackup } from './locate-artifact.js'
import { readManifest } from './read-manifest.js'

/** Where to look. */
type Where = RunOptions & SelectOptions & { readonly except?: string | undefined }

type OpenStore = ((address: string) => { readonly store: ObjectStore; readonly path: string } | undefined) | undefined

/**
 * Finds the backup that a name means: `latest`, `PRODUCT/latest`, `ID`, `PRODUCT/ID`, a path or an address.
 * Destinations that do not answer are passed over while another has it.
 * @throws BackupError `backup-missing`, or a store's error when no destination answered
 */
export async function resolveBackup(
  config: ResolvedConfig,
  openStore: OpenStore,
  name: string,
  options: Where,
): Promise<LocatedBackup> {
  const parts = name.split('/')
  const last = parts.at(-1) ?? ''
  const product = parts.length === 2 ? parts[0]! : undefined
  const known = product === undefined || Object.hasOwn(config.products, product)
  if (parts.length <= 2 && known && (last === 'latest' || isBackupId(last))) {
    return resolveConfigured(config, product, last, options)
  }
  const opened = openStore?.(name)
  if (opened) return readAddress(opened.store, opened.path, name, options.signal)
  throw missing(
    name,
    'name latest, PRODUCT/latest, an id, a path or an s3:// address; `lifeboat list` shows what there is',
  )
}

async function resolveConfigured(
  config: ResolvedConfig,
  product: string | undefined,
  id: string,
  options: Where,
): Promise<LocatedBackup> {
  const products = product === undefined ? Object.keys(config.products) : [product]
  if (products.length > 1 && id === 'latest') {
    throw new BackupError('config-invalid', '`latest` of which product?', {
      hint: `name one: ${products.map(one => `${one}/latest`).join(', ')}`,
    })
  }
  if (products.length === 0)
    throw new BackupError('config-invalid', 'there is no configuration to look a backup up in', {
      hint: 'give --config, or name the backup by its path or s3:// address',
    })
  requireDestination(config, products, options.destination)
  const found: LocatedBackup[] = []
  let unanswered: unknown
  for (const one of products) {
    for (const [destination, { store }] of Object.entries(config.products[one]!.destinations)) {
      if (options.destination !== undefined && options.destination !== destination) continue
      if (destination === options.except) continue
      try {
        const backup = await findIn(store, one, destination, id, options)
        if (backup) found.push(backup)
      } catch (error) {
        if (isBackupError(error, 'cancelled') || isBackupError(error, 'manifest-invalid')) throw error
        unanswered ??= error
        emitterFor(options.onEvent)({
          type: 'warning.raised',
          message: `${destination} was passed over: ${error instanceof Error ? error.message : error}`,
        })
      }
      if (found.length > 0 && id !== 'latest') return found[0]!
    }
  }
  // The newest; of equals the first destination in configured order.
  const newest = found.reduce<LocatedBackup | undefined>(
    (best, one) => (best && best.manifest.createdAt >= one.manifest.createdAt ? best : one),
    undefined,
  )
  if (newest) return newest
  if (unanswered !== undefined) throw unanswered
  const outside = options.except === undefined ? '' : ` outside ${options.except}`
  const where = options.destination === undefined ? outside : ` in ${options.destination}`
  const make = id === 'latest' ? `\`lifeboat backup ${products.join(' ')}\` makes one; ` : ''
  throw missing(`${product ?? products.join(', ')}/${id}`, `${make}\`lifeboat list\` shows what there is`, where)
}

/** A name that no destination has is a slip, and no empty place. */
function requireDestination(config: ResolvedConfig, products: readonly string[], name: string | undefined): void {
  const all = products.flatMap(product => Object.keys(config.products[product]!.destinations))
  if (name === undefined || all.includes(name)) return
  throw new BackupError('config-invalid', `${products.join(', ')} has no destination ${JSON.stringify(name)}`, {
    hint: `configured: ${[...new Set(all)].join(', ')}`,
  })
}

async function findIn(
  store: ObjectStore,
  product: string,
  destination: string,
  id: string,
  options: RunOptions,
): Promise<LocatedBackup | undefined> {
  if (id === 'latest') {
    const { backups, unreadable } = await listBackups(store, { product, destination }, options.signal)
    for (const { key, message } of unreadable)
      emitterFor(options.onEvent)({
        type: 'warning.raised',
        message: `${destination}: ${key} was passed over: ${message}`,
      })
    // What `restore latest` means is a dump; an export is named by its id.
    const newest = backups.find(one => !isExport(one.manifest)) ?? backups[0]
    return newest && { store, destination, folder: `${product}/${newest.id}/`, manifest: newest.manifest }
  }
  try {
    const key = manifestKey(product, id)
    const manifest = await readManifest(store, key, options.signal)
    if (manifest.product !== product || manifest.id !== id) {
      throw new BackupError('manifest-invalid', `${key} is the manifest of ${manifest.product}/${manifest.id}`, {
        hint: 'somebody copied it over; use another destination or backup: `lifeboat list`',
      })
    }
    return { store, destination, folder: `${product}/${id}/`, manifest }
  } catch (error) {
    if (isBackupError(error, 'object-missing')) return undefined
    throw error
  }
}

async function readAddress(
  store: ObjectStore,
  path: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<LocatedBackup> {
  const trimmed = path.replace(/\/+$/, '')
  const lastSlash = trimmed.lastIndexOf('/')
  const inside = /\.(json|gpg)$/.test(trimmed)
  const folder = inside ? trimmed.slice(0, lastSlash + 1) : trimmed === '' ? '' : `${trimmed}/`
  try {
    const manifest = await readManifest(store, `${folder}manifest.json`, signal)
    return { store, destination: store.location, folder, manifest }
  } catch (error) {
    if (isBackupError(error, 'object-missing'))
      throw missing(
        name,
        'a backup is the folder that holds its manifest.json; for an artifact alone see docs/restore-runbook.md',
      )
    throw error
  }
}

function missing(name: string, hint: string, where = ''): BackupError {
  return new BackupError('backup-missing', `there is no backup ${name}${where}`, { hint })
}
