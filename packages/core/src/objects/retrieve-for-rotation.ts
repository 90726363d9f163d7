import type { OpenMessage } from '../encryption/message-session.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { contentArchived, describeArchived, summariseArchived } from './archived-summary.js'
import { ContentMarks } from './content-marks.js'
import { marksOf } from './needed-content.js'
import { isTrusted, planRotation, type RotationPlanJob } from './plan-rotation.js'
import { type RetrievalJob, retrieveContent } from './retrieve-content.js'
import type { Snapshot } from './snapshot.js'
import { type Built, neededAnew } from './taken-place.js'

export interface RotationRetrievalJob extends RetrievalJob, RotationPlanJob {
  /** Opens the old ones. */
  readonly open: OpenMessage
}

/**
 * Asks for the archived content that any snapshot has to be read for, all at once, as one after the other each would take
 * hours, and waits as long as `retrieve` says. Nothing is asked for without it.
 * @returns what stands against those that need it, if it is not there yet; others can go on
 */
export async function retrieveForRotation(
  job: RotationRetrievalJob,
  signal: AbortSignal,
): Promise<BackupError | undefined> {
  if (job.retrieve === undefined || job.store.retrieve === undefined) return undefined
  const needed = new ContentMarks()
  let built: Built | undefined
  for (const { snapshot, verdict, step } of (await planRotation(job, signal)).planned) {
    if (step === 'due') await markNeeded(snapshot)
    // What it holds will lie elsewhere when the next one is encrypted.
    if (step === 'due') built = { snapshot, open: job.open }
    if (step === 'current' && isTrusted(verdict)) built = { snapshot, open: job.openListing }
  }
  try {
    await retrieveContent({ ...job, signal }, needed)
    return undefined
  } catch (error) {
    if (isBackupError(error, 'object-archived')) return error
    throw error
  }

  async function markNeeded(snapshot: Snapshot): Promise<void> {
    try {
      for await (const { run, number } of neededAnew(job, { ...job, snapshot }, built, signal)) needed.mark(run, number)
    } catch (error) {
      // What cannot be opened is said of it when its turn comes.
      if (!isBackupError(error) || !ofListing.has(error.code)) throw error
    }
  }
}

const ofListing: ReadonlySet<string> = new Set(['object-damaged', 'object-missing', 'wrong-key', 'key-missing'])

/**
 * That everything a snapshot has to be read for can be read, before anything is written.
 * @param of with what was told of the retrieval, where one was asked for
 * @throws BackupError `object-archived`
 */
export async function assertRetrieved(
  job: RotationRetrievalJob,
  of: {
    readonly snapshot: Snapshot
    readonly built: Built | undefined
    readonly asked: BackupError | undefined
  },
  signal: AbortSignal,
): Promise<void> {
  // Where all that was asked for is there, what goes away meanwhile is asked for anew by who reads it.
  if (job.store.retrieve === undefined || (job.retrieve !== undefined && of.asked === undefined)) return
  const needed = await marksOf(neededAnew(job, { ...job, snapshot: of.snapshot }, of.built, signal))
  const archived = await summariseArchived(job, needed, signal)
  if (archived === null) return
  if (of.asked === undefined) throw contentArchived(archived)
  throw new BackupError('object-archived', describeArchived(archived), { hint: of.asked.hint })
}
