import { isBackupError } from '../errors/backup-error.js'
import { isBackupId } from '../repository/layout.js'
import { listProduct } from '../repository/list-product.js'
import { isExport, restorableArtifact } from '../repository/locate-artifact.js'
import { readManifest } from '../repository/read-manifest.js'
import type { ObjectStore } from '../store/object-store.js'
import { eachOf, orderedParallel } from '../streams/ordered-parallel.js'
import { readRecentProofs } from './recent-proofs.js'
import type { StoredInstant, TimelineDestination } from './timeline.js'

/** How many of the newest manifests of each kind are read: the one to go back to is among them, unless all are damaged. */
const recent = 20
const readsInFlight = 16

type Kind = StoredInstant['kind']

/** A backup as a listing of keys shows it: its id says when it was made, its artifact what it is. */
interface Listed {
  readonly id: string
  readonly kind: Kind
  readonly createdAt: Date
  readonly manifestKey: string
}

/**
 * What lies in a store and what it is worth, from one listing and a bounded number of small reads, however many backups
 * there are. The newest manifests of each kind are read, since a damaged one is nothing to go back to; for older backups
 * the listing's word is taken.
 */
export async function readStored(
  store: ObjectStore,
  product: string,
  signal: AbortSignal | undefined,
): Promise<Pick<TimelineDestination, 'backups' | 'drill' | 'exportDrill'>> {
  const { listed, records } = await sortKeys(store, product, signal)
  const newest = (['dump', 'export'] as const).flatMap(kind => listed.filter(one => one.kind === kind).slice(0, recent))
  const [proofs, read] = await Promise.all([
    readRecentProofs(store, records, signal),
    readManifests(store, product, newest, signal),
  ])
  const backups = listed.flatMap(({ id, kind, createdAt }) => {
    const found = read.has(id) ? read.get(id) : { kind, createdAt }
    return found === undefined ? [] : [{ id, ...found, proof: proofs.levels.get(id) ?? ('none' as const) }]
  })
  // How long the one takes says nothing about the other. A backup that is gone was most likely a dump.
  const exports = new Set(backups.filter(one => one.kind === 'export').map(one => one.id))
  return {
    backups,
    drill: proofs.drills.findLast(one => !exports.has(one.id)) ?? null,
    exportDrill: proofs.drills.findLast(one => exports.has(one.id)) ?? null,
  }
}

/** Published backups, newest first, and the keys of records. */
async function sortKeys(store: ObjectStore, product: string, signal: AbortSignal | undefined) {
  const kinds = new Map<string, Kind>()
  const manifests = new Map<string, string>()
  const records: string[] = []
  for await (const { key } of listProduct(store, product, { signal }, ['verifications'])) {
    const [, folder, name, more] = key.split('/')
    if (folder === undefined || name === undefined || more !== undefined) continue
    if (folder === 'verifications') records.push(key)
    if (!isBackupId(folder)) continue
    if (name === 'manifest.json') manifests.set(folder, key)
    // A dump is what a restore takes where a backup has both.
    else if (name.startsWith('database.')) kinds.set(folder, 'dump')
    else if (name.startsWith('export.') && !kinds.has(folder)) kinds.set(folder, 'export')
  }
  const listed: Listed[] = []
  for (const [id, manifestKey] of manifests) {
    const kind = kinds.get(id)
    // Without an artifact there is nothing to restore, whatever the manifest says.
    if (kind !== undefined) listed.push({ id, kind, manifestKey, createdAt: madeAt(id) })
  }
  listed.sort((a, b) => b.id.localeCompare(a.id))
  return { listed, records }
}

/** What the manifests say; undefined for one that is damaged, of something else, or names nothing to restore. */
async function readManifests(
  store: ObjectStore,
  product: string,
  listed: readonly Listed[],
  signal: AbortSignal | undefined,
): Promise<Map<string, { readonly kind: Kind; readonly createdAt: Date } | undefined>> {
  const read = new Map<string, { readonly kind: Kind; readonly createdAt: Date } | undefined>()
  const reads = orderedParallel(eachOf(listed), readsInFlight, async ({ id, manifestKey }) => {
    try {
      const manifest = await readManifest(store, manifestKey, signal)
      if (manifest.id !== id || manifest.product !== product || restorableArtifact(manifest) === undefined)
        return { id, found: undefined }
      const kind: Kind = isExport(manifest) ? 'export' : 'dump'
      return { id, found: { kind, createdAt: new Date(manifest.createdAt) } }
    } catch (error) {
      // `lifeboat list` and `verify` say what is wrong with it; here it is only nothing to go back to.
      if (isBackupError(error, 'manifest-invalid') || isBackupError(error, 'object-missing'))
        return { id, found: undefined }
      throw error
    }
  })
  for await (const { id, found } of reads) read.set(id, found)
  return read
}

/** `20261121T020000Z-7f3k9q`: the second in which it was begun. */
function madeAt(id: string): Date {
  const [year, month, day, hour, minute, second] = [
    ...[id.slice(0, 4), id.slice(4, 6), id.slice(6, 8)],
    ...[id.slice(9, 11), id.slice(11, 13), id.slice(13, 15)],
  ].map(Number) as [number, number, number, number, number, number]
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second))
}
