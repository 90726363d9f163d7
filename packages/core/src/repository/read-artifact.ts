import { decompress } from '../codec/codec.js'
import { decrypt, type Unlock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import type { EventListener } from '../events/backup-event.js'
import { progressing } from '../events/progressing.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import type { ByteSource } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { type LocatedBackup, locateArtifact } from './locate-artifact.js'
import type { Artifact } from './manifest.js'

/** The stored bytes of an artifact, passed through a digest; errors of the store come wrapped. */
export async function* storedBytes(
  backup: LocatedBackup,
  artifact: Artifact,
  digest: PassingDigest,
  signal?: AbortSignal,
): ByteSource {
  const { store } = backup
  const key = locateArtifact(backup, artifact)
  try {
    yield* digest.through(store.get(key, { signal }))
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `read ${key}`, signal })
  }
}

/**
 * The stored bytes of an artifact. The stream's regular end means that they were those the manifest records.
 * @throws BackupError `object-damaged`
 */
export async function* checkedBytes(backup: LocatedBackup, artifact: Artifact, signal?: AbortSignal): ByteSource {
  const digest = new PassingDigest()
  yield* storedBytes(backup, artifact, digest, signal)
  assertAsRecorded(digest, artifact)
}

/**
 * Reads an artifact to its end as it lies: what is to be replaced goes only for a backup that is whole.
 * @throws BackupError `object-damaged`
 */
export async function readThrough(
  backup: LocatedBackup,
  artifact: Artifact,
  { emit, signal }: { readonly emit: EventListener; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const stored = checkedBytes(backup, artifact, signal)
  for await (const _ of progressing(stored, { stage: 'verify', totalBytes: artifact.storedBytes, emit })) {
    // Its regular end says that the bytes are those that the manifest records.
  }
}

/**
 * The plain bytes of an artifact. The stream's regular end means that the bytes were those the manifest records.
 * @throws BackupError `object-damaged`, `wrong-key`, `key-missing`
 */
export async function* plainBytes(
  backup: LocatedBackup,
  artifact: Artifact,
  unlock: Unlock,
  signal?: AbortSignal,
): ByteSource {
  const digest = new PassingDigest()
  const bounded = boundedTo(
    decompress(decrypt(storedBytes(backup, artifact, digest, signal), unlock), artifact.codec),
    artifact,
  )
  yield* bounded
  assertAsRecorded(digest, artifact)
}

function assertAsRecorded(digest: PassingDigest, artifact: Artifact): void {
  if (digest.bytes === artifact.storedBytes && digest.sha256 === artifact.storedSha256) return
  throw new BackupError('object-damaged', `${artifact.key} is not what the manifest records: other bytes`, {
    hint: 'use another backup or destination',
  })
}

/** Bounds what a hostile object may unfold to by what the manifest says it holds. */
async function* boundedTo(source: ByteSource, artifact: Artifact): ByteSource {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.byteLength
    if (bytes > artifact.plainBytes) {
      throw new BackupError(
        'object-damaged',
        `${artifact.key} unfolds to more than the ${artifact.plainBytes} bytes that the manifest records`,
        { hint: 'use another backup or destination' },
      )
    }
    yield chunk
  }
  if (bytes < artifact.plainBytes) {
    throw new BackupError(
      'archive-truncated',
      `${artifact.key} unfolds to ${bytes} bytes where the manifest records ${artifact.plainBytes}`,
      { hint: 'use another backup or destination' },
    )
  }
}
