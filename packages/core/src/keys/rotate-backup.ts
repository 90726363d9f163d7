import type { RotateResult } from '../api/keys.js'
import type { RunOptions } from '../api/run-options.js'
import { encryptionRecord } from '../backup/own-keys.js'
import type { Destination } from '../backup/store-everywhere.js'
import { copyBackup } from '../copy/copy-backup.js'
import type { Deps } from '../deps.js'
import { decrypt, encrypt, type Lock, type Unlock } from '../encryption/open-pgp.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { newBackupId } from '../repository/layout.js'
import { listBackups } from '../repository/list-backups.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { Manifest } from '../repository/manifest.js'
import { hashManifest } from '../repository/manifest-hash.js'
import { plainBytes } from '../repository/read-artifact.js'
import { type Retrieval, retrieveBackup } from '../retrieval/retrieve-backup.js'
import { checkSeal, sealManifest } from '../seal/manifest-seal.js'
import type { Sealer, SealKeys } from '../seal/seal.js'
import { assertSeal } from './assert-seal.js'
import { openersOf } from './read-key-states.js'

export interface RotateJob {
  readonly backup: LocatedBackup
  /** Opens the old backup. */
  readonly unlock: Unlock
  /** What the old manifest is checked with: whatever is written anew here is vouched for. */
  readonly sealKeys: SealKeys
  readonly to: Destination
  /** Who can open the new one. */
  readonly lock: Lock
  readonly sealer: Sealer
  readonly dryRun?: boolean | undefined
  /** How it is brought back where it lies in an archive. Default: it is not. */
  readonly retrieve?: Retrieval | undefined
  readonly deps: Pick<Deps, 'now' | 'random' | 'sleep' | 'lockLeaseMs'>
}

export type Rotated = Pick<RotateResult, 'outcome' | 'rotated'>

/**
 * Encrypts a backup anew, under a new session key: whoever held an old key, or kept the old session key, reads nothing of
 * what this writes (docs/decisions/0041-rotation-encrypts-anew.md). The bytes between are those that were compressed;
 * they pass as a stream, and the copy completes only if they were what the manifest records.
 */
export async function rotateBackup(job: RotateJob, options: RunOptions): Promise<Rotated> {
  const { backup, unlock, lock, to, sealer, deps } = job
  const { manifest } = backup
  await assertSeal(manifest, job.sealKeys)
  if (to.name === backup.destination && (await isCurrent(backup, lock, options.signal)))
    return { outcome: 'current', rotated: null }
  const before = await findRotated(job, options.signal)
  if (before !== undefined) return { outcome: 'present', rotated: { id: before, destination: to.name } }
  if (job.dryRun) return { outcome: 'due', rotated: null }
  // Not before: a retrieval costs money, and most of a product's backups may be done.
  await retrieveBackup(backup, job.retrieve, deps, options)
  const rotatedFrom = { id: manifest.id, manifestSha256: hashManifest(manifest), at: deps.now().toISOString() }
  const { id } = await copyBackup(
    {
      ...{ backup, to, deps },
      stage: {
        id: laterId(manifest, deps.random),
        transform: (_, stored) => ({
          bytes: encrypt(decrypt(stored, unlock), lock),
          encryption: encryptionRecord(lock),
        }),
        seal: copied => sealManifest({ ...copied, rotatedFrom }, sealer),
      },
    },
    options,
  )
  return { outcome: 'rotated', rotated: { id, destination: to.name } }
}

/** Whether a backup opens with these keys and no others. */
async function isCurrent(backup: LocatedBackup, lock: Lock, signal: AbortSignal | undefined): Promise<boolean> {
  const openers = openersOf(backup.manifest)
  if (lock.kind === 'recipients')
    return sameMembers(
      openers.map(one => one.key),
      lock.keys.map(key => key.getFingerprint()),
    )
  if (!openers.some(one => one.kind === 'passphrase')) return false
  // The passphrase of a backup made its seal, too, which is there where its bytes lie in an archive.
  if (backup.manifest.seal?.kind === 'hmac') {
    const keys = { expected: 'hmac', passphrase: lock.passphrase, signers: [] } as const
    return (await checkSeal(backup.manifest, keys)) === 'sound'
  }
  const [artifact] = backup.manifest.artifacts
  try {
    for await (const _ of plainBytes(backup, artifact!, { passphrase: lock.passphrase, privateKeys: [] }, signal)) break
    return true
  } catch (error) {
    if (isBackupError(error, 'wrong-key')) return false
    throw error
  }
}

function sameMembers(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every(one => others.includes(one))
}

/** What an earlier run made of the same backup for the same keys. */
async function findRotated(job: RotateJob, signal: AbortSignal | undefined): Promise<string | undefined> {
  const { backup, lock, to } = job
  const { product, id } = backup.manifest
  const { backups } = await listBackups(to.store, { product, destination: to.name }, signal)
  for (const { id: found, manifest } of backups) {
    if (manifest.rotatedFrom?.id !== id || manifest.rotatedFrom.manifestSha256 !== hashManifest(backup.manifest))
      continue
    const place = { store: to.store, destination: to.name, folder: `${product}/${found}/`, manifest }
    if (await isCurrent(place, lock, signal)) return found
  }
  return undefined
}

const tries = 1000

/**
 * An id of the same second that sorts behind the old one: of the two, which are equally old, `latest` and the rules of
 * retention take the one that is encrypted to today's keys.
 */
export function laterId({ id, createdAt }: Pick<Manifest, 'id' | 'createdAt'>, random: Deps['random']): string {
  for (let attempt = 0; attempt < tries; attempt++) {
    const made = newBackupId(new Date(createdAt), random)
    if (made > id) return made
  }
  throw new BackupError('unexpected', `no id behind ${id} was found`, { hint: 'try again' })
}
