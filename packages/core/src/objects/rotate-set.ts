import type { RotatedSnapshot, SetRotation } from '../api/keys.js'
import type { OpenMessage } from '../encryption/message-session.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { laterId } from '../keys/rotate-backup.js'
import { withLocks } from '../locks/hold-locks.js'
import type { SealKeys, SealVerdict } from '../seal/seal.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { sharedSignal } from '../streams/shared-signal.js'
import { setLock } from './copy-job.js'
import { findUnreadHead } from './find-unread-head.js'
import { listingKey } from './object-layout.js'
import { filesOf, removeAll, removeUnneeded } from './prune-objects.js'
import { type RotateSnapshotJob, rotateSnapshot } from './rotate-snapshot.js'
import { checkSnapshotSeal, hashSnapshot, readSnapshots, type Snapshot } from './snapshot.js'
import { encryptionOf, sameEncryption } from './snapshot-encryption.js'
import { verifyObjects } from './verify-objects.js'

export interface RotateSetJob extends Omit<RotateSnapshotJob, 'snapshot' | 'id' | 'built'> {
  /** What heads are checked with; of several the first that finds one sound. */
  readonly sealKeys: readonly SealKeys[]
  /** With every key at hand: whether the new snapshots open, too. */
  readonly openNew: OpenMessage
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  readonly apply: boolean
  readonly removeOld: boolean
}

/**
 * Encrypts the snapshots of a set in one destination anew, the oldest first, so that what two of them share is encrypted
 * once; without `apply` says which would be. One that an earlier run has done is passed over, so a run that was stopped goes
 * on where it was. What fails for one snapshot is said of it, and the next one is tried.
 * @throws BackupError `locked`, and what the destination throws
 */
export async function rotateSet(job: RotateSetJob): Promise<SetRotation> {
  if (!job.apply) return rotateUnlocked(job, sharedSignal(job.signal))
  const { product, set, destination, store, lockLeaseMs: leaseMs, now, emit } = job
  const lock = { product, name: setLock(set), purpose: 'copy', stores: [{ name: destination, store }] } as const
  return withLocks({ ...lock, leaseMs, now, emit, signal: job.signal }, signal =>
    rotateUnlocked(job, sharedSignal(signal)),
  )
}

async function rotateUnlocked(job: RotateSetJob, signal: AbortSignal): Promise<SetRotation> {
  const { product, set, destination, apply, removeOld } = job
  const found = await readSnapshots(job, signal)
  const all = found.snapshots.reverse()
  const current = new Map<string, boolean>()
  for (const one of all) current.set(one.id, await isCurrent(job, one, signal))
  const snapshots: RotatedSnapshot[] = []
  const gone = new Set<string>()
  const made: Snapshot[] = []
  let built: Snapshot | undefined
  for (const snapshot of all) {
    const verdict = await verdictOf(snapshot, job.sealKeys)
    if (current.get(snapshot.id)) {
      if (verdict === 'sound' || verdict === 'unproven') built = snapshot
      snapshots.push({ ...blank(snapshot), outcome: 'current' })
      continue
    }
    const before = all.find(one => isOf(one, snapshot) && current.get(one.id))
    if (before !== undefined && (await verdictOf(before, job.sealKeys)) !== 'wrong') {
      snapshots.push({ ...blank(snapshot), outcome: 'present', rotated: before.id })
      continue
    }
    try {
      assertTrusted(job, snapshot, verdict)
      if (!apply) {
        snapshots.push({ ...blank(snapshot), outcome: 'due' })
        continue
      }
      const id = laterId(snapshot, job.random)
      const anew = await rotateSnapshot({ ...job, snapshot, id, built }, signal)
      const verified = await verifyNew(job, anew, signal)
      made.push(anew)
      built = anew
      const kept = removeOld ? await removeOldOne(snapshot, verified) : null
      const removedOld = removeOld && kept === null
      snapshots.push({ ...blank(snapshot), outcome: 'rotated', rotated: anew.id, verified, removedOld, kept })
    } catch (error) {
      // What stops one stops all: the destination, the lock, whoever runs it.
      if (!isBackupError(error) || !ofOne.has(error.code)) throw error
      const { code, message, hint } = error
      snapshots.push({ ...blank(snapshot), outcome: 'failed', error: { code, message, hint: hint ?? null } })
    }
  }
  const left = [...all, ...made].filter(({ id }) => !gone.has(id))
  // As in a prune: what a head needs that could not be read is not known.
  const unread =
    found.unreadable.length > 0 || (await findUnreadHead(job, new Set([...all, ...made].map(({ id }) => id)), signal))
  const free = gone.size > 0 && !unread
  const freed = free ? await removeUnneeded(job, left, new Set(left.map(one => one.id)), signal) : undefined
  return { product, set, destination, applied: apply, snapshots, freed: freed?.freed ?? { count: 0, storedBytes: 0 } }

  /** Why it is still there. */
  async function removeOldOne(old: Snapshot, verified: RotatedSnapshot['verified']): Promise<string | null> {
    if (verified !== 'content')
      return 'the new snapshot was not read to its end: no key at hand opens it, or it lies in an archive'
    const why = await removeAll(job, filesOf(product, set, old.id), signal)
    if (why !== undefined) return why
    gone.add(old.id)
    return null
  }
}

const ofOne: ReadonlySet<string> = new Set([
  ...['object-damaged', 'object-missing', 'object-archived', 'wrong-key', 'key-missing', 'seal-wrong', 'seal-missing'],
])

function blank({ id, objects, plainBytes }: Snapshot) {
  return { id, objects, plainBytes, rotated: null, verified: null, removedOld: false, kept: null, error: null }
}

/** Whether a snapshot says that it is another one, encrypted anew. */
function isOf({ rotatedFrom }: Snapshot, old: Snapshot): boolean {
  return rotatedFrom?.id === old.id && rotatedFrom.headSha256 === hashSnapshot(old)
}

/** Whether it opens with these keys and no others. One passphrase is told from another by trying it. */
async function isCurrent(job: RotateSetJob, snapshot: Snapshot, signal: AbortSignal): Promise<boolean> {
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

type Verdict = SealVerdict | 'missing'

async function verdictOf(snapshot: Snapshot, keys: readonly SealKeys[]): Promise<Verdict> {
  let verdict: SealVerdict = 'wrong'
  for (const one of keys) {
    verdict = await checkSnapshotSeal(snapshot, one)
    if (verdict === 'unsealed') return one.expected === undefined ? 'unproven' : 'missing'
    if (verdict !== 'wrong') break
  }
  return verdict
}

/** Whatever is encrypted anew is sealed anew: a planted snapshot must not be vouched for. */
function assertTrusted({ product, set }: RotateSetJob, { id }: Snapshot, verdict: Verdict): void {
  const name = `${product}/${set}/${id}`
  if (verdict === 'wrong')
    throw new BackupError('seal-wrong', `the head of ${name} was not written by a holder of the key, or was changed`, {
      hint: 'an old signing key belongs in encryption.signers; else use another destination',
    })
  if (verdict === 'missing')
    throw new BackupError('seal-missing', `the head of ${name} is not sealed, and this product's are`, {
      hint: 'it was made before sealing was configured, or its seal was removed; it is not vouched for',
    })
}

/** Reads what was stored anew, as far as the keys at hand allow. What is not sound does not stay. */
async function verifyNew(
  job: RotateSetJob,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<RotatedSnapshot['verified'] & string> {
  const { product, set } = job
  for (const level of ['content', 'stored'] as const) {
    try {
      const report = await verifyObjects({
        ...{ ...job, snapshot, level, sample: 1, onlyRun: snapshot.id, retrieve: undefined, signal },
        opener: async () => job.openNew,
        // It was sealed a moment ago.
        sealKeys: async () => ({ signers: [] }),
      })
      const wrong = report.findings.find(one => one.severity === 'critical')
      // In an archive it is looked at, and not read.
      if (wrong === undefined) return report.level
      await removeAll(job, filesOf(product, set, snapshot.id), signal)
      throw new BackupError('object-damaged', `${snapshot.id} is not what was encrypted anew: ${wrong.message}`, {
        hint: 'the old snapshot is still there; look at the store, then rotate again',
      })
    } catch (error) {
      if (level === 'content' && (isBackupError(error, 'wrong-key') || isBackupError(error, 'key-missing'))) continue
      throw error
    }
  }
  throw new BackupError('unexpected', `${snapshot.id} could not be checked`, {
    hint: '`lifeboat objects verify` says more; the old snapshot is still there',
  })
}
