import { isBackupError } from '../errors/backup-error.js'
import { manifestKey } from '../repository/layout.js'
import type { Manifest } from '../repository/manifest.js'
import { hashManifest } from '../repository/manifest-hash.js'
import { readManifest } from '../repository/read-manifest.js'
import type { ObjectStore } from '../store/object-store.js'
import type { ListedManifest } from './index-keys.js'
import type { PlaceMemory } from './status-memory.js'

/** What is kept of a manifest: those of large databases are large. */
export interface NewestBackup {
  readonly id: string
  readonly createdAt: string
  readonly durationMs: number
  readonly storedBytes: number
  readonly databaseBytes: number
  readonly rows: number | null
  /** Destinations that did not take it, by what was known when it was written. */
  readonly failedAt: readonly { readonly destination: string; readonly code: string | null }[]
  readonly storedSha256: readonly string[]
  readonly manifestSha256: string
}

export interface NewestFound {
  readonly newest: NewestBackup | null
  /** Manifests that are newer than it and cannot be read. */
  readonly unreadable: readonly { readonly key: string; readonly message: string }[]
  /** Backups that say they were made after now: a clock is wrong, or somebody wants no alarm. */
  readonly ahead: readonly string[]
}

/** Clocks differ by so much. */
export const clockToleranceMs = 10 * 60 * 1000

/**
 * The newest backup by `createdAt`. Ids begin with the second at which the backup was begun, so that the newest is among
 * the first of them: it is read on until nothing older can be newer.
 * @param listed newest id first
 */
export async function readNewestBackup(
  store: ObjectStore,
  listed: readonly ListedManifest[],
  { product, now, memory, signal }: { product: string; now: Date; memory: PlaceMemory; signal: AbortSignal },
): Promise<NewestFound> {
  const unreadable: { key: string; message: string }[] = []
  const ahead: string[] = []
  const latestMs = now.getTime() + clockToleranceMs
  let newest: NewestBackup | null = null
  for (const one of listed) {
    // An id has whole seconds.
    if (newest !== null && Date.parse(newest.createdAt) >= one.stampMs + 1000) break
    if (one.stampMs > latestMs) {
      ahead.push(one.id)
      continue
    }
    const read = await memory.remember(
      one,
      () => readOne(store, product, one.id, signal),
      found => !('gone' in found),
    )
    if ('message' in read) unreadable.push({ key: read.key, message: read.message })
    else if (Date.parse(read.createdAt) > latestMs) ahead.push(read.id)
    else if (newest === null || read.createdAt > newest.createdAt) newest = read
  }
  return { newest, unreadable, ahead }
}

async function readOne(
  store: ObjectStore,
  product: string,
  id: string,
  signal: AbortSignal,
): Promise<NewestBackup | { readonly key: string; readonly message: string; readonly gone?: true }> {
  const key = manifestKey(product, id)
  try {
    const manifest = await readManifest(store, key, signal)
    if (manifest.product === product && manifest.id === id) return digest(manifest)
    return { key, message: `it is the manifest of ${manifest.product}/${manifest.id}` }
  } catch (error) {
    if (isBackupError(error, 'manifest-invalid')) return { key, message: error.message }
    // Listed and not there: it was pruned this moment, or the store will know better the next time.
    if (isBackupError(error, 'object-missing')) return { key, message: error.message, gone: true }
    throw error
  }
}

function digest(manifest: Manifest): NewestBackup {
  const { id, createdAt, finishedAt, artifacts, tables, destinations, source } = manifest
  return {
    ...{ id, createdAt, databaseBytes: source.databaseBytes },
    durationMs: Math.max(0, Date.parse(finishedAt) - Date.parse(createdAt)),
    storedBytes: artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0),
    rows: tables?.reduce((sum, table) => sum + table.rows, 0) ?? null,
    failedAt: destinations
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ name, code }) => ({ destination: name, code: code ?? null })),
    storedSha256: artifacts.map(artifact => artifact.storedSha256),
    manifestSha256: hashManifest(manifest),
  }
}
