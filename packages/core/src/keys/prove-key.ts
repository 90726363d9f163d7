import type { KeyProof } from '../api/keys.js'
import type { RunOptions } from '../api/run-options.js'
import type { EncryptionConfig } from '../config/config-schema.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { readSealer } from '../encryption/product-keys.js'
import { canSign } from '../encryption/record-keys.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { Artifact } from '../repository/manifest.js'
import { hashManifest } from '../repository/manifest-hash.js'
import { plainBytes } from '../repository/read-artifact.js'
import type { Sealer, SealKeys } from '../seal/seal.js'
import { assertSeal } from './assert-seal.js'
import { type KeyProofRecord, writeKeyProof } from './proof-record.js'
import { openersOf } from './read-key-states.js'

export interface ProveJob {
  readonly backup: LocatedBackup
  /** The key to prove, and no other; of several the first. */
  readonly unlock: Unlock
  readonly sealKeys: SealKeys
  /** Of the destination, where it is configured; without one nothing is recorded. */
  readonly encryption: EncryptionConfig | undefined
  readonly folder: string
  readonly now: () => Date
  readonly whole: boolean
}

/** Opens every artifact of a backup with one key and reads it; then writes down that this was done. */
export async function proveKey(job: ProveJob, { signal }: RunOptions): Promise<KeyProof> {
  const { backup, whole } = job
  const { manifest } = backup
  const unlock = oneKey(job.unlock, backup)
  await assertSeal(manifest, job.sealKeys)
  const artifacts: KeyProofRecord['artifacts'] = []
  for (const artifact of manifest.artifacts) {
    throwIfCancelled(signal)
    const read = await readArtifact(backup, artifact, unlock, whole, signal)
    artifacts.push({ name: artifact.name, storedSha256: artifact.storedSha256, plainBytes: read })
  }
  const [key] = unlock.privateKeys
  const record: KeyProofRecord = {
    kind: 'key-proof',
    product: manifest.product,
    id: manifest.id,
    destination: backup.destination,
    at: job.now().toISOString(),
    backupCreatedAt: manifest.createdAt,
    manifestSha256: hashManifest(manifest),
    fingerprint: key?.getFingerprint() ?? null,
    userIds: key?.getUserIDs() ?? [],
    extent: whole ? 'whole' : 'front',
    artifacts,
  }
  if (job.encryption === undefined) return { record, recordedAs: null }
  const sealer = await sealerOf(unlock, job.encryption, job.folder)
  return { record, recordedAs: await writeKeyProof(backup.store, record, { sealer, signal }) }
}

/** The private key, or the passphrase where the backup is encrypted with one. */
function oneKey({ privateKeys, passphrase }: Unlock, { manifest }: LocatedBackup): Unlock {
  const openers = openersOf(manifest)
  if (openers.some(one => one.kind === 'passphrase')) return { passphrase, privateKeys: [] }
  const [key] = privateKeys
  if (key === undefined || openers.some(one => one.key === key.getFingerprint()))
    return { privateKeys: privateKeys.slice(0, 1) }
  throw new BackupError(
    'wrong-key',
    `the key ${key.getFingerprint()} is none of those that ${manifest.product}/${manifest.id} is encrypted to`,
    { hint: `it is encrypted to ${openers.map(one => one.key).join(', ')}` },
  )
}

/** What shows that a key opens an artifact: its first bytes make sense. */
const frontBytes = 4096

/** How many plain bytes were read. */
async function readArtifact(
  backup: LocatedBackup,
  artifact: Artifact,
  unlock: Unlock,
  whole: boolean,
  signal: AbortSignal | undefined,
): Promise<number> {
  let read = 0
  let front = Buffer.alloc(0)
  for await (const chunk of plainBytes(backup, artifact, unlock, signal)) {
    read += chunk.byteLength
    if (front.byteLength < frontBytes) front = Buffer.concat([front, chunk])
    if (!whole && front.byteLength >= frontBytes) break
  }
  if (artifact.kind === 'database' && front.subarray(0, 5).toString('latin1') !== 'PGDMP')
    throw new BackupError('archive-invalid', `${artifact.key} does not begin as an archive of pg_dump does`, {
      hint: 'the backup is damaged; `lifeboat verify` says more',
    })
  return read
}

/** The key itself vouches for the proof; one that can only encrypt has the signing key of manifests stand in. */
export async function sealerOf(unlock: Unlock, encryption: EncryptionConfig, folder: string): Promise<Sealer> {
  if (unlock.passphrase !== undefined) return { kind: 'hmac', passphrase: unlock.passphrase }
  const [key] = unlock.privateKeys
  if (key !== undefined && (await canSign(key, new Date()))) return { kind: 'signature', key }
  return readSealer(encryption, folder).catch((error: unknown) => {
    if (isBackupError(error, 'key-missing') || isBackupError(error, 'secret-missing')) return undefined
    throw error
  })
}
