import type { ObjectRestorePlan, ObjectRestoreResult, RestoreObjectsOptions } from '../api/objects.js'
import type { Finding } from '../api/verification.js'
import type { OpenMessage } from '../encryption/message-session.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import type { SealKeys } from '../seal/seal.js'
import { compareKeys } from '../store/compare-keys.js'
import type { ObjectStore, StoredObject } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import type { ByteSource } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { critical } from '../verify/finding.js'
import { summariseArchived } from './archived-summary.js'
import { ContentMarks } from './content-marks.js'
import { contentOf, marksOf } from './needed-content.js'
import type { ObjectEntry } from './object-entry.js'
import { groupByContent, openGroup } from './read-content.js'
import { rereading } from './rereading-store.js'
import { type RetrievalJob, retrieveContent } from './retrieve-content.js'
import { checkSnapshotSeal, type Snapshot } from './snapshot.js'
import { readListing } from './snapshot-files.js'
import { listInOrder } from './sort-listing.js'

export interface RestoreObjectsJob extends RetrievalJob {
  readonly snapshot: Snapshot
  readonly target: ObjectStore
  readonly targetIsSource: boolean
  readonly prefix: string
  readonly existing: NonNullable<RestoreObjectsOptions['existing']>
  readonly overwriteSource: boolean
  readonly allowUnsealed: boolean
  readonly readBack: boolean
  readonly open: OpenMessage
  readonly sealKeys: SealKeys
}

const groupsAtOnce = 8
const mostNamed = 100

/**
 * What a restore would write, and what of it lies in an archive. Reads the snapshot's listing and the target's, and changes nothing.
 * @throws BackupError `target-not-empty`, `target-is-source`, `seal-wrong`, `seal-missing`
 */
export async function planObjectRestore(job: RestoreObjectsJob): Promise<ObjectRestorePlan> {
  const { plan, needed } = await prepareRestore(job)
  return { ...plan, archived: await summariseArchived(job, needed, job.signal) }
}

async function prepareRestore(job: RestoreObjectsJob) {
  const { product, set, snapshot, target, targetIsSource, prefix, existing } = job
  await assertSealed(job)
  if (targetIsSource && existing === 'overwrite' && !job.overwriteSource)
    throw new BackupError('target-is-source', `${target.location} is the very place that the objects came from`, {
      hint: 'restore elsewhere, leave what is there alone with --keep-existing, or add --overwrite-source',
    })
  let [objects, plainBytes, present, withMetadata, stale] = [0, 0, 0, 0, 0]
  const needed = new ContentMarks()
  for await (const { entry, found } of besideTarget(job)) {
    if (found !== undefined) present += 1
    if (found !== undefined && existing === 'keep') continue
    objects += 1
    plainBytes += entry.sizeBytes
    if (entry.content !== null) needed.mark(entry.content.run, entry.content.number)
    if (entry.metadata !== null) withMetadata += 1
    if (entry.stale) stale += 1
  }
  if (present > 0 && existing === 'refuse')
    throw new BackupError('target-not-empty', `${target.location} has ${present} of these ${objects} objects`, {
      hint: 'restore elsewhere, leave them alone with --keep-existing, or replace them with --overwrite',
    })
  const warnings: string[] = []
  if (withMetadata > 0 && target.capabilities.metadata !== true)
    warnings.push(`${target.location} keeps no content type or other metadata: ${withMetadata} objects lose theirs`)
  if (stale > 0) warnings.push(`${stale} objects are as an earlier run had them: this one could not read them`)
  if (snapshot.missed > stale && prefix === '')
    warnings.push(`${snapshot.missed - stale} objects are not in the snapshot: its run could not read them`)
  const plan: ObjectRestorePlan = {
    ...{ product, set, id: snapshot.id, destination: job.destination, createdAt: snapshot.createdAt },
    ...{ target: target.location, targetIsSource, prefix, existing, objects, plainBytes, present, warnings },
    archived: null,
  }
  return { plan, needed }
}

/**
 * Writes what the plan says, each object whole or not at all, and looks at the target afterwards. What cannot be written
 * is in the result; the rest goes on. Content in an archive is retrieved first, all of it at once.
 * @throws BackupError `object-archived` before anything is written, and where copies go away again while it writes
 */
export async function restoreObjects(job: RestoreObjectsJob): Promise<ObjectRestoreResult> {
  const startedMs = job.now().getTime()
  const { plan, needed } = await prepareRestore(job)
  const { emit, signal, target } = job
  await retrieveContent(job, needed)
  let done = ''
  const store = rereading(job, () => marksOf(contentOf(leftAfter(job, done))))
  const failed: { key: string; message: string }[] = []
  let [failedCount, restored, restoredBytes] = [0, 0, 0]
  const kept = new Places()
  const fail = (key: string, message: string) => {
    failedCount += 1
    if (failed.length < mostNamed) failed.push({ key, message })
  }
  const toWrite = async function* () {
    let at = 0
    for await (const { entry, found } of besideTarget(job)) {
      if (found === undefined || job.existing === 'overwrite') yield entry
      else kept.add(at)
      at += 1
    }
  }
  const writeGroup = async (group: readonly ObjectEntry[]) => {
    const left = group.map(({ key }) => key)
    try {
      for await (const { entry, plain } of openGroup({ ...job, store }, group)) {
        throwIfCancelled(signal)
        left.shift()
        const error = await write(job, entry, plain)
        if (error !== undefined) {
          fail(entry.key, error.message)
          continue
        }
        restored += 1
        restoredBytes += entry.sizeBytes
        const detail = `${restored} of ${plan.objects} objects`
        const { plainBytes: totalBytes } = plan
        emit({ type: 'stage.progressed', stage: 'restore', doneBytes: restoredBytes, totalBytes, detail })
      }
    } catch (error) {
      if (!isOfOne(error)) throw error
      for (const key of left) fail(key, (error as Error).message)
    }
    return group.at(-1)?.key ?? done
  }
  try {
    for await (const last of orderedParallel(groupByContent(toWrite()), groupsAtOnce, writeGroup)) {
      done = last
      throwIfCancelled(signal)
    }
  } catch (error) {
    if (isBackupError(error, 'object-archived') && restored > 0) throw interrupted(error, restored)
    throw wrapStoreError(error, { store: target, doing: `restore into ${target.location}`, signal })
  }
  const findings = failedCount === 0 ? await compareWithTarget(job, kept) : []
  const durationMs = job.now().getTime() - startedMs
  return { plan, restored, restoredBytes, kept: kept.count, failed, failedCount, findings, durationMs }
}

/** What is still to be written after a key, when everything up to it is done. */
async function* leftAfter(job: RestoreObjectsJob, done: string): AsyncGenerator<ObjectEntry> {
  for await (const { entry, found } of besideTarget(job)) {
    if (compareKeys(entry.key, done) <= 0) continue
    if (found === undefined || job.existing === 'overwrite') yield entry
  }
}

function interrupted({ code, message, hint }: BackupError, restored: number): BackupError {
  return new BackupError(code, `${message}; ${restored} objects were restored before`, {
    hint: `${hint ?? 'retrieve it'}; add --keep-existing, and what is restored already stays`,
  })
}

/** Undefined: it is in place. An error that is of this object alone is the answer, others are thrown. */
async function write(job: RestoreObjectsJob, entry: ObjectEntry, plain: ByteSource): Promise<BackupError | undefined> {
  const { target, signal } = job
  try {
    await target.put(entry.key, plain, {
      ifAbsent: job.existing !== 'overwrite',
      expectedBytes: entry.sizeBytes,
      ...(entry.metadata && { metadata: entry.metadata }),
      signal,
    })
    return undefined
  } catch (error) {
    const wrapped = wrapStoreError(error, { store: target, doing: `write ${entry.key}`, signal })
    if (isOfOne(wrapped)) return wrapped
    throw wrapped
  }
}

function isOfOne(error: unknown): boolean {
  const codes = ['object-damaged', 'object-missing', 'object-exists', 'store-refused'] as const
  return codes.some(code => isBackupError(error, code))
}

/** Some of the entries that are meant, by their places in the listing: a bit for each. */
class Places {
  readonly #marks = new ContentMarks()
  get count(): number {
    return this.#marks.count
  }
  add(at: number): void {
    this.#marks.mark('', at)
  }
  has(at: number): boolean {
    return this.#marks.has('', at)
  }
}

interface BesideTarget {
  readonly entry: ObjectEntry
  readonly found: StoredObject | undefined
}

/** The entries that are meant, each with what the target has under its key. */
async function* besideTarget(job: RestoreObjectsJob): AsyncGenerator<BesideTarget> {
  const { target, prefix, signal } = job
  const there = listInOrder(target, prefix, { signal })
  try {
    const next = async () => {
      try {
        return await there.next()
      } catch (error) {
        throw wrapStoreError(error, { store: target, doing: `list ${target.location}`, signal })
      }
    }
    let found = await next()
    for await (const entry of selected(job)) {
      while (!found.done && compareKeys(found.value.key, entry.key) < 0) found = await next()
      yield { entry, found: !found.done && found.value.key === entry.key ? found.value : undefined }
    }
  } finally {
    await there.return(undefined)
  }
}

/** The listing is read to its end, whatever the prefix: its hash is checked there. */
async function* selected(job: RestoreObjectsJob): AsyncGenerator<ObjectEntry> {
  for await (const entry of readListing(job, job.snapshot, job.open, job.signal))
    if (entry.key.startsWith(job.prefix)) yield entry
}

/** @param kept what was there before, by its place in the listing: it is not ours to judge */
async function compareWithTarget(job: RestoreObjectsJob, kept: Places): Promise<Finding[]> {
  const findings: Finding[] = []
  let count = 0
  const add = (code: string, message: string) => {
    count += 1
    if (count <= mostNamed) findings.push(critical(code, message, 'restore again, with --keep-existing or --overwrite'))
  }
  async function* restored() {
    let at = 0
    for await (const one of besideTarget(job)) yield { ...one, ours: !kept.has(at++) }
  }
  const compare = async ({ entry, found, ours }: BesideTarget & { readonly ours: boolean }) => {
    if (found === undefined) return add('object-not-restored', `${entry.key} is not in ${job.target.location}`)
    if (!ours) return
    if (found.sizeBytes !== entry.sizeBytes)
      return add('object-differs', `${entry.key} has ${found.sizeBytes} bytes instead of ${entry.sizeBytes}`)
    if (job.readBack && (await hashOf(job, entry.key)) !== entry.sha256)
      add('object-differs', `${entry.key} does not hold the bytes that were restored`)
  }
  for await (const _ of orderedParallel(restored(), groupsAtOnce, compare)) throwIfCancelled(job.signal)
  if (count > mostNamed) findings.push(critical('object-not-restored', `and ${count - mostNamed} more`, null))
  return findings
}

async function hashOf({ target, signal }: RestoreObjectsJob, key: string): Promise<string> {
  const digest = new PassingDigest()
  try {
    for await (const chunk of target.get(key, { signal })) digest.update(chunk)
  } catch (error) {
    throw wrapStoreError(error, { store: target, doing: `read ${key}`, signal })
  }
  return digest.sha256
}

/** Refuses a snapshot that no holder of the product's key wrote. @throws BackupError `seal-wrong`, `seal-missing` */
export async function assertSealed({
  product,
  set,
  snapshot,
  sealKeys,
  allowUnsealed,
}: Pick<RestoreObjectsJob, 'product' | 'set' | 'snapshot' | 'sealKeys' | 'allowUnsealed'>): Promise<void> {
  const name = `${product}/${set}/${snapshot.id}`
  const verdict = await checkSnapshotSeal(snapshot, sealKeys)
  if (verdict === 'wrong')
    throw new BackupError('seal-wrong', `the head of ${name} was not written by a holder of the key, or was changed`, {
      hint: 'restore another snapshot, or from another destination',
    })
  if (verdict === 'unsealed' && sealKeys.expected !== undefined && !allowUnsealed)
    throw new BackupError('seal-missing', `the head of ${name} carries no seal, and the product's do`, {
      hint: 'restore another snapshot; --allow-unsealed takes it nevertheless',
    })
}
