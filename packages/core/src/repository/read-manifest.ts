import { BackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { readWhole } from '../streams/byte-source.js'
import { jsonExcess } from './json-excess.js'
import { type Manifest, manifestFormat, manifestSchema } from './manifest.js'

/** A manifest lists every table: 200,000 of them still fit. */
const maxManifestBytes = 64 * 2 ** 20

/** Reads a manifest from its bytes. @throws BackupError `manifest-invalid` */
export function parseManifest(bytes: Uint8Array, key: string): Manifest {
  const tooMuch = jsonExcess(bytes, maxManifestBytes)
  if (tooMuch !== undefined) throw invalidManifest(key, tooMuch)
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (error) {
    throw invalidManifest(key, 'it is not JSON', error)
  }
  const format = typeof parsed === 'object' && parsed !== null && 'format' in parsed ? parsed.format : undefined
  if (typeof format === 'string' && /^lifeboat\/\d+$/.test(format) && format !== manifestFormat) {
    throw new BackupError('manifest-invalid', `${key} has format ${format}, this version reads ${manifestFormat}`, {
      hint: 'update lifeboat',
    })
  }
  if (format !== manifestFormat) throw invalidManifest(key, 'it does not say that it is one')
  const result = manifestSchema.safeParse(parsed)
  if (!result.success) {
    const issue = result.error.issues[0]
    throw invalidManifest(key, `${issue?.path.join('.')}: ${issue?.message}`, result.error)
  }
  const manifest = result.data
  const prefix = `${manifest.product}/${manifest.id}/`
  for (const artifact of manifest.artifacts) {
    const rest = artifact.key.slice(prefix.length)
    if (!artifact.key.startsWith(prefix) || rest === '' || rest.includes('/') || rest === '.' || rest === '..') {
      throw invalidManifest(key, `its artifact ${JSON.stringify(artifact.key.slice(0, 100))} lies outside the backup`)
    }
  }
  return manifest
}

/** @throws BackupError `manifest-invalid`, `object-missing` and what the store throws */
export async function readManifest(store: ObjectStore, key: string, signal?: AbortSignal): Promise<Manifest> {
  return parseManifest(await readManifestBytes(store, key, signal), key)
}

/** A manifest as it lies. @throws BackupError `manifest-invalid`, `object-missing` and what the store throws */
export async function readManifestBytes(store: ObjectStore, key: string, signal?: AbortSignal): Promise<Buffer> {
  try {
    return await readWhole(store.get(key, { signal }), maxManifestBytes)
  } catch (error) {
    if (error instanceof RangeError) throw invalidManifest(key, 'it is too large', error)
    throw wrapStoreError(error, { store, doing: `read ${key}`, signal })
  }
}

function invalidManifest(key: string, why: string, cause?: unknown): BackupError {
  return new BackupError('manifest-invalid', `${key} is not a valid manifest: ${why}`, {
    cause,
    hint: 'the backup may be whole without it: docs/restore-runbook.md restores from the artifact alone',
  })
}
