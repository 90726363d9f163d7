import type { OpenMessage } from '../encryption/message-session.js'
import type { Lock } from '../encryption/open-pgp.js'
import { isBackupError } from '../errors/backup-error.js'
import type { SealKeys, SealVerdict } from '../seal/seal.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { listingKey } from './object-layout.js'
import { checkSnapshotSeal, hashSnapshot, readSnapshots, type Snapshot, type SnapshotPlace } from './snapshot.js'
import { encryptionOf, sameEncryption } from './snapshot-encryption.js'

export interface RotationPlanJob extends SnapshotPlace {
  readonly lock: Lock
  readonly openListing: OpenMessage
  readonly sealKeys: readonly SealKeys[]
}

/** A snapshot, and whether it has to be encrypted anew. */
export interface PlannedRotation {
  readonly snapshot: Snapshot
  readonly verdict: Verdict
  /** `current`: it opens with the keys of today and no others. */
  readonly step: 'current' | 'present' | 'due'
  /** What it was encrypted anew as before. */
  readonly before: Snapshot | undefined
}

/** Which snapshots of a set have to be encrypted anew, the oldest first. Reads heads, and no content. */
export async function planRotation(job: RotationPlanJob, signal: AbortSignal) {
  const { snapshots, unreadable } = await readSnapshots(job, signal)
  const oldestFirst = snapshots.toReversed()
  const current = new Map<string, boolean>()
  for (const one of oldestFirst) current.set(one.id, await isCurrent(job, one, signal))
  const planned: PlannedRotation[] = []
  for (const snapshot of oldestFirst) {
    const verdict = await verdictOf(snapshot, job.sealKeys)
    const done = oldestFirst.find(one => isOf(one, snapshot) && current.get(one.id))
    const before =
      current.get(snapshot.id) || done === undefined || (await verdictOf(done, job.sealKeys)) === 'wrong'
        ? undefined
        : done
    const step = current.get(snapshot.id) ? 'current' : before === undefined ? 'due' : 'present'
    planned.push({ snapshot, verdict, step, before })
  }
  return { planned, unreadable }
}

/** Whether others may be built on what a snapshot names. */
export function isTrusted(verdict: Verdict): boolean {
  return verdict === 'sound' || verdict === 'unproven'
}

/** Whether a snapshot says that it is another one, encrypted anew. */
function isOf({ rotatedFrom }: Snapshot, old: Snapshot): boolean {
  return rotatedFrom?.id === old.id && rotatedFrom.headSha256 === hashSnapshot(old)
}

/** Whether it opens with these keys and no others. One passphrase is told from another by trying it. */
async function isCurrent(job: RotationPlanJob, snapshot: Snapshot, signal: AbortSignal): Promise<boolean> {
  const { store, product, set, lock, openListing } = job
  if (snapshot.olderContent !== undefined || !sameEncryption(snapshot.encryption, encryptionOf(lock))) return false
  if (lock.kind === 'recipients') return true
  const key = listingKey(product, set, snapshot.id)
  try {
    for await (const _ of openListing(store.get(key, { signal }))) break
    return true
  } catch (error) {
    if (isBackupError(error, 'wrong-key')) return false
    // Where it cannot be read, rotating says so.
    if (store.classify(error) === 'object-missing' || isBackupError(error, 'object-damaged')) return false
    throw wrapStoreError(error, { store, doing: `read ${key}`, signal })
  }
}

/** What the seal of a head says; `missing`: it has none, and others do. */
export type Verdict = SealVerdict | 'missing'

async function verdictOf(snapshot: Snapshot, keys: readonly SealKeys[]): Promise<Verdict> {
  let verdict: SealVerdict = 'wrong'
  for (const one of keys) {
    verdict = await checkSnapshotSeal(snapshot, one)
    if (verdict === 'unsealed') return one.expected === undefined ? 'unproven' : 'missing'
    if (verdict !== 'wrong') break
  }
  return verdict
}
