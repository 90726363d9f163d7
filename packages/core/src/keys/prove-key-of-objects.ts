import type { KeyProof } from '../api/keys.js'
import type { EncryptionConfig } from '../config/config-schema.js'
import { messageOpener } from '../encryption/message-session.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { contentOf, marksOf, without } from '../objects/needed-content.js'
import { groupByContent, openGroup } from '../objects/read-content.js'
import { rereading } from '../objects/rereading-store.js'
import { assertSealed } from '../objects/restore-objects.js'
import { type RetrievalJob, retrieveContent } from '../objects/retrieve-content.js'
import { hashSnapshot, type Snapshot } from '../objects/snapshot.js'
import { openersOfSnapshot } from '../objects/snapshot-encryption.js'
import { readListing } from '../objects/snapshot-files.js'
import type { SealKeys } from '../seal/seal.js'
import { type KeyProofRecord, writeKeyProof } from './proof-record.js'
import { sealerOf } from './prove-key.js'

export interface ProveObjectsJob extends RetrievalJob {
  readonly snapshot: Snapshot
  /** The key to prove, and no other; of several the first. */
  readonly unlock: Unlock
  readonly sealKeys: SealKeys
  readonly encryption: EncryptionConfig
  readonly folder: string
  readonly whole: boolean
}

/**
 * Opens a snapshot with one key: its listing, and of every run whose content it needs the first object (`whole`: every
 * object), each compared with its hash; then writes down that this was done.
 * @throws BackupError `wrong-key`, `key-missing`, `object-damaged`, `object-archived`, `seal-wrong`, `seal-missing`
 */
export async function proveKeyOfObjects(job: ProveObjectsJob): Promise<KeyProof> {
  const { product, set, snapshot, destination, whole, signal } = job
  await assertSealed({ ...job, allowUnsealed: false })
  const unlock = oneKey(job)
  const open = messageOpener(unlock)
  let plainBytes = 0
  async function* chosen() {
    const runs = new Set<string>()
    for await (const entry of readListing(job, snapshot, open, signal)) {
      if (entry.content === null || (!whole && runs.has(entry.content.run))) continue
      runs.add(entry.content.run)
      yield entry
    }
  }
  if (job.store.retrieve !== undefined) await retrieveContent(job, await marksOf(contentOf(chosen())))
  let done = 0
  const store = rereading(job, () => marksOf(contentOf(without(chosen(), done))))
  for await (const group of groupByContent(chosen())) {
    throwIfCancelled(signal)
    for await (const { plain } of openGroup({ store, product, set, open, signal }, group))
      for await (const chunk of plain) plainBytes += chunk.byteLength
    done += group.length
  }
  const [key] = unlock.privateKeys
  const record: KeyProofRecord = {
    kind: 'key-proof',
    ...{ product, id: snapshot.id, set, destination },
    at: job.now().toISOString(),
    backupCreatedAt: snapshot.createdAt,
    manifestSha256: hashSnapshot(snapshot),
    fingerprint: key?.getFingerprint() ?? null,
    userIds: key?.getUserIDs() ?? [],
    extent: whole ? 'whole' : 'front',
    artifacts: [{ name: 'objects', storedSha256: snapshot.listing.storedSha256, plainBytes }],
  }
  const sealer = await sealerOf(unlock, job.encryption, job.folder)
  return { record, recordedAs: await writeKeyProof(job.store, record, { sealer, signal }) }
}

/** The private key, or the passphrase where the snapshot is encrypted with one. */
function oneKey({ product, set, snapshot, unlock }: ProveObjectsJob): Unlock {
  if (snapshot.encryption.kind === 'passphrase') return { passphrase: unlock.passphrase, privateKeys: [] }
  const openers = openersOfSnapshot(snapshot)
  const [key] = unlock.privateKeys
  if (key === undefined || openers.includes(key.getFingerprint()))
    return { privateKeys: unlock.privateKeys.slice(0, 1) }
  throw new BackupError(
    'wrong-key',
    `the key ${key.getFingerprint()} is none of those that all of ${product}/${set}/${snapshot.id} is encrypted to`,
    {
      hint:
        openers.length > 0
          ? `it is encrypted to ${openers.join(', ')}`
          : 'no single key opens all of it: `lifeboat keys rotate` encrypts it to those that are configured now',
    },
  )
}
