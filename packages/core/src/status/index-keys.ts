import { isBackupId } from '../repository/layout.js'
import type { StoredObject } from '../store/object-store.js'

/** An object, and what tells whether it is still the one that was read before. */
export interface KnownObject {
  readonly key: string
  readonly version: string
}

/** A manifest that was listed. */
export interface ListedManifest extends KnownObject {
  readonly id: string
  /** As the id says, to the second. */
  readonly stampMs: number
}

/** A record that was listed. */
export interface ListedRecord extends KnownObject {
  readonly stampMs: number
}

/** What one listing of a product tells. */
export interface ProductIndex {
  /** Newest id first: dumps, or mirrored exports where there is nothing else. */
  readonly manifests: readonly ListedManifest[]
  /** Newest first. */
  readonly records: readonly ListedRecord[]
}

/** Sorts what a product's prefix holds. Pure. */
export function indexKeys(product: string, objects: readonly StoredObject[]): ProductIndex {
  const manifests: ListedManifest[] = []
  const records: ListedRecord[] = []
  const exports = new Set<string>()
  for (const { key, sizeBytes, modifiedAt } of objects) {
    const [first, second, third, ...more] = key.split('/')
    if (first !== product || second === undefined || third === undefined || more.length > 0) continue
    const version = `${sizeBytes} ${modifiedAt.getTime()}`
    if (second === 'verifications') {
      const stampMs = readStamp(third)
      if (stampMs !== undefined) records.push({ key, version, stampMs })
    } else if (isBackupId(second)) {
      if (third.startsWith('export.')) exports.add(second)
      const stampMs = third === 'manifest.json' ? readStamp(second) : undefined
      if (stampMs !== undefined) manifests.push({ key, version, id: second, stampMs })
    }
  }
  const dumps = manifests.filter(({ id }) => !exports.has(id))
  const counted = dumps.length > 0 ? dumps : manifests
  return {
    manifests: counted.sort((a, b) => (a.id < b.id ? 1 : -1)),
    records: records.sort((a, b) => b.stampMs - a.stampMs || (a.key < b.key ? 1 : -1)),
  }
}

/** `20261121T020000Z-…`, `20261121T050000123Z-…`. Undefined: not a moment. */
export function readStamp(name: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})?Z-/.exec(name)
  if (parts === null) return undefined
  const [, year, month, day, hour, minute, second, ms = '000'] = parts
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`)
  return Number.isNaN(at) ? undefined : at
}
