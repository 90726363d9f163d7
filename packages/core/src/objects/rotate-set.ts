import type { RotatedSnapshot, SetRotation } from '../api/keys.js'
import type { ObjectsReport } from '../api/objects.js'
import type { OpenMessage } from '../encryption/message-session.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { laterId } from '../keys/rotate-backup.js'
import { withLocks } from '../locks/hold-locks.js'
import type { SealKeys } from '../seal/seal.js'
import { sharedSignal } from '../streams/shared-signal.js'
import { setLock } from './copy-job.js'
import { findUnreadHead } from './find-unread-head.js'
import { isOfContent, type ObjectsRecord, objectsRecordOf } from './objects-record.js'
import { isTrusted, planRotation, type Verdict } from './plan-rotation.js'
import { filesOf, removeAll, removeUnneeded } from './prune-objects.js'
import { readBack } from './read-back.js'
import { assertRetrieved, retrieveForRotation } from './retrieve-for-rotation.js'
import { type RotateSnapshotJob, rotateSnapshot } from './rotate-snapshot.js'
import { hashSnapshot, type Snapshot } from './snapshot.js'

export interface RotateSetJob extends Omit<RotateSnapshotJob, 'snapshot' | 'id' | 'built'> {
  /** What heads are checked with; of several the first that finds one sound. The first is of today. */
  readonly sealKeys: readonly SealKeys[]
  /** Opens listings that this machine makes. */
  readonly openListing: OpenMessage
  /** With every key at hand: whether the new snapshots open, too. */
  readonly openNew: OpenMessage
  readonly apply: boolean
  readonly removeOld: boolean
  /** Keeps what was read of a new snapshot. */
  readonly keepRecord: (record: ObjectsRecord) => Promise<void>
  /** What is recorded of the set's verifications, as far as it counts, newest first. */
  readonly readRecords: () => Promise<readonly ObjectsRecord[]>
}

/**
 * Encrypts the snapshots of a set in one destination anew, the oldest first, so that what two of them share is encrypted
 * once; without `apply` says which would be. One that an earlier run has done is passed over, so a run that was stopped goes
 * on where it was. What fails for one snapshot is said of it, and the next one is tried.
 * @throws BackupError `locked`, and what the destination throws
 */
export async function rotateSet(job: RotateSetJob): Promise<SetRotation> {
  if (!job.apply) return rotateUnlocked(job, undefined, sharedSignal(job.signal))
  const { product, set, destination, store, lockLeaseMs: leaseMs, now, emit } = job
  // Before the set is locked: a copy each night must not wait for an archive.
  const asked = await retrieveForRotation(job, sharedSignal(job.signal))
  const lock = { product, name: setLock(set), purpose: 'copy', stores: [{ name: destination, store }] } as const
  return withLocks({ ...lock, leaseMs, now, emit, signal: job.signal }, signal =>
    rotateUnlocked(job, asked, sharedSignal(signal)),
  )
}

async function rotateUnlocked(
  job: RotateSetJob,
  asked: BackupError | undefined,
  signal: AbortSignal,
): Promise<SetRotation> {
  const { product, set, destination, apply, removeOld } = job
  const { planned, unreadable } = await planRotation(job, signal)
  const all = planned.map(({ snapshot }) => snapshot)
  const snapshots: RotatedSnapshot[] = []
  const gone = new Set<string>()
  const made: Snapshot[] = []
  const readRuns = { content: new Set<string>(), stored: new Set<string>() }
  let built: Snapshot | undefined
  let records: Promise<readonly ObjectsRecord[]> | undefined
  for (const { snapshot, verdict, step, before } of planned) {
    if (step === 'current') {
      if (isTrusted(verdict)) built = snapshot
      snapshots.push({ ...blank(snapshot), outcome: 'current' })
      continue
    }
    if (before !== undefined) {
      // A run that was killed may have left both.
      const kept =
        apply && removeOld ? await removeOldOne(snapshot, (await isRead(before)) ? null : unread(before)) : null
      const removedOld = gone.has(snapshot.id)
      snapshots.push({ ...blank(snapshot), outcome: 'present', rotated: before.id, removedOld, kept })
      continue
    }
    try {
      assertTrusted(job, snapshot, verdict)
      if (!apply) {
        snapshots.push({ ...blank(snapshot), outcome: 'due' })
        continue
      }
      const id = laterId(snapshot, job.random)
      const from = built && { snapshot: built, open: job.openListing }
      await assertRetrieved(job, { snapshot, built: from, asked }, signal)
      const { snapshot: anew, reliedOn } = await rotateSnapshot({ ...job, snapshot, id, built: from }, signal)
      const verified = await checkNew(anew)
      made.push(anew)
      const kept = removeOld ? await removeOldOne(snapshot, await whyKept(verified, reliedOn)) : null
      built = anew
      const removedOld = gone.has(snapshot.id)
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
  const someUnread =
    unreadable.length > 0 || (await findUnreadHead(job, new Set([...all, ...made].map(({ id }) => id)), signal))
  const free = gone.size > 0 && !someUnread
  const freed = free ? await removeUnneeded(job, left, new Set(left.map(one => one.id)), signal) : undefined
  return { product, set, destination, applied: apply, snapshots, freed: freed?.freed ?? { count: 0, storedBytes: 0 } }

  /** Reads what was stored anew and records that, no more. What is not whole does not stay. */
  async function checkNew(snapshot: Snapshot): Promise<ObjectsReport['level']> {
    const { openNew, sealKeys } = job
    const reading = {
      ...{ ...job, snapshot, readRuns, signal },
      opener: async () => openNew,
      sealKeys: async () => sealKeys[0] ?? { signers: [] },
    }
    const { verified, report, sample } = await readBack(reading).catch(async (error: unknown) => {
      if (isBackupError(error, 'object-damaged')) await removeAll(job, filesOf(product, set, snapshot.id), signal)
      throw error
    })
    await job.keepRecord(objectsRecordOf(report, sample, snapshot, job.now()))
    if (verified !== 'listed') readRuns[verified].add(snapshot.id)
    return verified
  }

  async function whyKept(verified: ObjectsReport['level'], reliedOn: ReadonlySet<string>): Promise<string | null> {
    if (verified !== 'content')
      return 'the new snapshot was not read to its end: no key at hand opens it, or it lies in an archive'
    if (built === undefined || [...reliedOn].every(run => readRuns.content.has(run)) || (await isRead(built)))
      return null
    return unread(built)
  }

  async function isRead(snapshot: Snapshot): Promise<boolean> {
    const head = hashSnapshot(snapshot)
    // Of earlier runs; what this one reads it knows.
    records ??= job.readRecords()
    const newest = (await records).find(one => isOfContent(one, snapshot.id, head))
    return newest?.ok ?? false
  }

  function unread({ id }: Snapshot): string {
    return `nobody has read all of ${id}, which takes its place: \`lifeboat objects verify ${product} ${set} --snapshot ${id}\` does`
  }

  /** Why it is still there. */
  async function removeOldOne(old: Snapshot, why: string | null): Promise<string | null> {
    const kept = why ?? (await removeAll(job, filesOf(product, set, old.id), signal)) ?? null
    if (kept === null) gone.add(old.id)
    return kept
  }
}

const ofOne: ReadonlySet<string> = new Set([
  ...['object-damaged', 'object-missing', 'object-archived', 'wrong-key', 'key-missing', 'seal-wrong', 'seal-missing'],
])

function blank({ id, objects, plainBytes }: Snapshot) {
  return { id, objects, plainBytes, rotated: null, verified: null, removedOld: false, kept: null, error: null }
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
