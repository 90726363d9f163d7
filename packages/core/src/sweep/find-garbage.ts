import { isLockKey, readLockRecord } from '../locks/lock-record.js'
import { isBackupId } from '../repository/layout.js'
import { listProduct } from '../repository/list-product.js'
import type { ObjectStore, UnfinishedPut } from '../store/object-store.js'

/** How old a thing without a manifest must be before it counts as garbage: nothing that is under way is older. */
export const garbageAgeMs = 24 * 3_600_000

/** Something of ours that no backup needs. */
export type Garbage = {
  readonly key: string
  readonly sizeBytes: number
  /** When it was last written. */
  readonly since: Date
} & (
  | { readonly kind: 'artifact-without-manifest' | 'expired-lock' }
  | { readonly kind: 'unfinished-upload'; readonly upload: UnfinishedPut }
)

/**
 * Finds what crashed runs of a product left in a store. Only what this tool names is looked at: objects in a backup's
 * folder that end in `.gpg`, locks, and unfinished writes of those; everything else is foreign.
 */
export async function findGarbage(
  store: ObjectStore,
  product: string,
  now: Date,
  signal: AbortSignal | undefined,
): Promise<Garbage[]> {
  const { artifacts, whole, locks } = await sortObjects(store, product, signal)
  const old = (since: Date) => now.getTime() - since.getTime() > garbageAgeMs
  const garbage: Garbage[] = []
  for (const [id, found] of artifacts) {
    // Judged by the youngest: what belongs to one run goes together.
    if (whole.has(id) || !found.every(one => old(one.since))) continue
    garbage.push(...found.map(one => ({ ...one, kind: 'artifact-without-manifest' as const })))
  }
  for (const lock of locks) {
    if (old(lock.since) && (await isLongExpired(store, lock.key, now, signal)))
      garbage.push({ ...lock, kind: 'expired-lock' })
  }
  for await (const upload of store.listUnfinished?.(`${product}/`, { signal }) ?? []) {
    if (!old(upload.startedAt) || !isOursUnfinished(product, upload.key)) continue
    const { key, startedAt: since, sizeBytes } = upload
    garbage.push({ kind: 'unfinished-upload', key, since, sizeBytes, upload })
  }
  return garbage
}

/** Whether nobody holds a lock, or has for a day. Asked again before it goes: others than the sweep may take it over. */
export async function isLongExpired(
  store: ObjectStore,
  key: string,
  now: Date,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const record = await readLockRecord(store, key, signal)
  return record !== undefined && now.getTime() - Date.parse(record.expiresAt) > garbageAgeMs
}

interface Found {
  readonly key: string
  readonly sizeBytes: number
  readonly since: Date
}

async function sortObjects(store: ObjectStore, product: string, signal: AbortSignal | undefined) {
  const artifacts = new Map<string, Found[]>()
  const whole = new Set<string>()
  const locks: Found[] = []
  for await (const { key, sizeBytes, modifiedAt: since } of listProduct(store, product, { signal }, ['locks'])) {
    if (!isOurs(product, key)) continue
    const [, id, name] = key.split('/') as [string, string, string]
    if (isLockKey(key)) locks.push({ key, sizeBytes, since })
    else if (name === 'manifest.json') whole.add(id)
    else artifacts.set(id, [...(artifacts.get(id) ?? []), { key, sizeBytes, since }])
  }
  return { artifacts, whole, locks }
}

/** Folders of a product beside its backups: what is written there is small, and a write of it that is a day old is dead. */
const folders = /^(alerts|key-proofs|locks|verifications|pauses|operations|provider-secrets)$/

/** A folder's store knows only the folder of an unfinished write; what lies there under a temporary name is its own. */
function isOursUnfinished(product: string, key: string): boolean {
  if (!key.endsWith('/')) return isOurs(product, key)
  const [first, folder] = key.split('/')
  return first === product && folder !== undefined && (isBackupId(folder) || folders.test(folder))
}

/** Whether a key of the product is one that this tool writes and a sweep may judge. */
function isOurs(product: string, key: string): boolean {
  const [first, id, name, more] = key.split('/')
  if (first !== product || id === undefined || name === undefined || more !== undefined) return false
  if (isLockKey(key)) return true
  return isBackupId(id) && (name === 'manifest.json' || name.endsWith('.gpg'))
}
