import type { CopyResult } from '../api/copying.js'
import type { RunOptions } from '../api/run-options.js'
import { type Destination, removeEverywhere } from '../backup/store-everywhere.js'
import type { Deps } from '../deps.js'
import { elapsedMs } from '../elapsed-ms.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import { withLocks } from '../locks/hold-locks.js'
import { backupPrefix, manifestKey } from '../repository/layout.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { Artifact, Manifest } from '../repository/manifest.js'
import { hashManifest } from '../repository/manifest-hash.js'
import { checkedBytes } from '../repository/read-artifact.js'
import { parseManifest, readManifestBytes } from '../repository/read-manifest.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { bytesOf } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import type { CopyStage } from './copy-stage.js'
import { findCopy } from './find-copy.js'
import { findLacking } from './find-lacking.js'

export interface CopyJob {
  /** What is copied, and from where. */
  readonly backup: LocatedBackup
  readonly to: Destination
  readonly deps: Pick<Deps, 'now' | 'lockLeaseMs'>
  /** What is done to it on its way. Default: nothing. */
  readonly stage?: CopyStage | undefined
}

/**
 * Copies a backup into another place: artifacts first, each compared with the hash that the manifest records while it
 * passes, then the manifest, only where there is none. The destination is locked meanwhile, the source is not: what a
 * prune takes from under the copy fails it. A copy that is killed leaves artifacts without a manifest, which `sweep`
 * clears, and so does the next copy of the same backup. What the destination has lost of a backup that it has is brought
 * back.
 * @throws BackupError `object-damaged`, `object-exists`, `locked`; then nothing of it is left in the destination
 */
export async function copyBackup(job: CopyJob, options: RunOptions): Promise<CopyResult> {
  const { backup, to, deps } = job
  const { product } = backup.manifest
  const emit = emitterFor(options.onEvent)
  const { now, lockLeaseMs: leaseMs } = deps
  return withLocks({ product, purpose: 'copy', stores: [to], leaseMs, now, emit, signal: options.signal }, signal =>
    copyLocked(job, { ...options, signal }),
  )
}

async function copyLocked(job: CopyJob, options: RunOptions & { readonly signal: AbortSignal }): Promise<CopyResult> {
  const { backup, to, stage, deps } = job
  const { signal } = options
  const startedAt = deps.now()
  const emit = emitterFor(options.onEvent)
  // Read anew, and kept as it is: a manifest that is composed again would be another text, with the seal of the first.
  const text = await readManifestBytes(backup.store, `${backup.folder}manifest.json`, signal)
  const original = parseManifest(text, `${backup.folder}manifest.json`)
  if (hashManifest(original) !== hashManifest(backup.manifest)) {
    throw new BackupError('object-damaged', `the manifest of ${original.product}/${original.id} changed meanwhile`, {
      hint: 'look at it with `lifeboat show`, then copy again',
    })
  }
  const { product } = original
  const id = stage?.id ?? original.id
  const resultOf = (outcome: CopyResult['outcome'], manifest: Manifest): CopyResult => ({
    ...{ product, id, from: backup.destination, to: to.name, location: to.store.location, outcome, manifest },
    storedBytes: manifest.artifacts.reduce((sum, one) => sum + one.storedBytes, 0),
    durationMs: elapsedMs(startedAt, deps.now()),
  })
  const keys = original.artifacts.map(one => keyOf(one, original, id))
  const found = await findCopy(to.store, { product, id, keys }, signal)
  if (found.manifest !== undefined) {
    if (stage === undefined && hashManifest(found.manifest) === hashManifest(original))
      return resultOf((await bringBack(job, found.manifest, options)) ? 'copied' : 'present', found.manifest)
    throw new BackupError('object-exists', `${to.store.location} holds another backup as ${product}/${id}`, {
      hint: 'nothing is ever overwritten; `lifeboat verify` tells which of the two is sound',
    })
  }
  // Under the lock nobody is writing them: a copy that died did.
  await removeLeft(to, found.left, signal)
  const written: string[] = []
  try {
    const artifacts: Artifact[] = []
    for (const [index, artifact] of original.artifacts.entries()) {
      throwIfCancelled(signal)
      artifacts.push(await copyArtifact(job, artifact, keys[index]!, { ...options, wrote: key => written.push(key) }))
    }
    const manifest = stage ? await stage.seal({ ...original, id, artifacts, seal: null }) : original
    throwIfCancelled(signal)
    const bytes = stage ? Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) : text
    const key = manifestKey(product, id)
    // It may come through although its answer is lost, and goes before what it names.
    written.unshift(key)
    await putManifest(to, key, bytes, signal).catch((error: unknown) => {
      // Somebody's who took no lock; what it names may be what lies here.
      if (isBackupError(error, 'object-exists')) written.length = 0
      throw error
    })
    return resultOf('copied', manifest)
  } catch (error) {
    await removeEverywhere([to], written, emit)
    throw error
  }
}

/** Stores what the destination has lost of a backup whose manifest it has. False: it has all of it. */
async function bringBack(
  job: CopyJob,
  manifest: Manifest,
  options: RunOptions & { readonly signal: AbortSignal },
): Promise<boolean> {
  const lacking = await findLacking(job.to.store, manifest, options.signal)
  const written: string[] = []
  try {
    for (const artifact of lacking)
      await copyArtifact(job, artifact, artifact.key, { ...options, wrote: key => written.push(key) })
    return lacking.length > 0
  } catch (error) {
    await removeEverywhere([job.to], written, emitterFor(options.onEvent))
    throw error
  }
}

/** Where an artifact lies in the copy: under the same name. */
function keyOf(artifact: Artifact, original: Manifest, id: string): string {
  const name = artifact.key.slice(backupPrefix(original.product, original.id).length)
  return backupPrefix(original.product, id) + name
}

async function copyArtifact(
  { backup, to, stage }: CopyJob,
  artifact: Artifact,
  key: string,
  options: RunOptions & { readonly signal: AbortSignal; readonly wrote: (key: string) => void },
): Promise<Artifact> {
  const { signal, wrote } = options
  const emit = emitterFor(options.onEvent)
  const stored = progressing(checkedBytes(backup, artifact, signal), {
    stage: 'copy',
    totalBytes: artifact.storedBytes,
    emit,
  })
  const { bytes, encryption } = stage
    ? await stage.transform(artifact, stored)
    : { bytes: stored, encryption: artifact.encryption }
  const digest = new PassingDigest()
  try {
    const expectedBytes = artifact.storedBytes
    await to.store.put(key, digest.through(bytes), { ifAbsent: true, expectedBytes, signal })
    // Only what this copy wrote may be removed again.
    wrote(key)
    const recorded = await to.store.head(key, { signal })
    if (recorded?.sizeBytes !== digest.bytes) {
      throw new BackupError(
        'object-damaged',
        `${to.store.location} holds ${recorded?.sizeBytes ?? 0} bytes of ${key} where ${digest.bytes} were sent`,
        { hint: 'check the store, then copy again' },
      )
    }
  } catch (error) {
    throw wrapStoreError(error, { store: to.store, doing: `store ${key}`, signal })
  }
  emit({ type: 'artifact.stored', destination: to.name, key, storedBytes: digest.bytes })
  return { ...artifact, key, encryption, storedBytes: digest.bytes, storedSha256: digest.sha256 }
}

async function putManifest({ store }: Destination, key: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
  try {
    await store.put(key, bytesOf(bytes), { ifAbsent: true, expectedBytes: bytes.byteLength, signal })
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `store ${key}`, signal })
  }
}

async function removeLeft({ store }: Destination, keys: readonly string[], signal: AbortSignal): Promise<void> {
  for (const key of keys) {
    try {
      await store.remove(key, { signal })
    } catch (error) {
      const { code, message } = wrapStoreError(error, { store, doing: `remove ${key}`, signal })
      throw new BackupError(code, `${message}; a copy that died left it in the way`, {
        cause: error,
        hint: 'let somebody who may delete there run `lifeboat sweep --apply` a day after it, then copy again',
      })
    }
  }
}
