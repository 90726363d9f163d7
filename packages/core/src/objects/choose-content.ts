import { createHash } from 'node:crypto'
import type { ObjectsReport } from '../api/objects.js'
import type { Finding } from '../api/verification.js'
import { isBackupError } from '../errors/backup-error.js'
import { describeArchived, tallyArchived } from './archived-summary.js'
import { ContentMarks } from './content-marks.js'
import { findArchived } from './find-archived.js'
import { type ContentName, marksOf } from './needed-content.js'
import { contentName } from './object-layout.js'
import { type RetrievalJob, retrieveContent } from './retrieve-content.js'
import type { Snapshot } from './snapshot.js'
import { readInventory } from './snapshot-files.js'

/** What of a snapshot's content a verification reads, where some of it may lie in an archive. */
export interface ChosenContent {
  reads(run: string, number: number): boolean
  /** The share that is still to be chosen at random while reading. */
  readonly sample: number
  /** About what is not read. */
  readonly findings: readonly Finding[]
}

export interface ChoiceJob extends RetrievalJob {
  readonly snapshot: Snapshot
  readonly sample: number
}

/**
 * Without `retrieve`: all that can be read now. With it: all, or a share, retrieved. That share is of whole contents, as
 * the service retrieves no less, and the same one each time: who comes back later finds what was asked for.
 * @param listed what lies in an archive as the listing of the set's content tells; nothing, and all is read
 * @throws BackupError `object-archived` when what was asked for is not there yet
 */
export async function chooseContent(job: ChoiceJob, listed: ContentMarks): Promise<ChosenContent> {
  const { retrieve, snapshot, sample, signal } = job
  if (listed.count === 0) return { reads: () => true, sample, findings: [] }
  if (retrieve === undefined) {
    const unread = new ContentMarks()
    const tally = tallyArchived()
    const all = await neededBy(job, ({ run, number }) => listed.has(run, number))
    for await (const found of findArchived(job, all, signal)) if (tally.add(found)) unread.mark(found.run, found.number)
    const archived = tally.told()
    const findings = archived === null ? [] : [notRead(describeArchived(archived))]
    return { reads: (run, number) => !unread.has(run, number), sample, findings }
  }
  const chosen = await neededBy(job, one => sample >= 1 || shareOf(snapshot.id, one) < sample)
  await retrieveContent(job, chosen)
  return { reads: (run, number) => chosen.has(run, number), sample: 1, findings: [] }
}

async function neededBy(job: ChoiceJob, isChosen: (one: ContentName) => boolean): Promise<ContentMarks> {
  async function* chosen() {
    try {
      for await (const one of readInventory(job, job.snapshot, job.signal)) if (isChosen(one)) yield one
    } catch (error) {
      // Whoever reads what it names finds it, too, and says so.
      if (!isBackupError(error, 'object-damaged') && !isBackupError(error, 'object-missing')) throw error
    }
  }
  return marksOf(chosen())
}

/** From 0 to 1, the same each time. */
function shareOf(id: string, { run, number }: ContentName): number {
  return (
    createHash('sha256')
      .update(`${id} ${contentName(run, number)}`)
      .digest()
      .readUInt32BE(0) /
    2 ** 32
  )
}

/** Not damage: nobody has looked. */
function notRead(what: string): Finding {
  return {
    severity: 'warning',
    code: 'content-archived',
    message: `${what}: their bytes were not read, only their lengths were looked at`,
    hint: '`lifeboat objects verify PRODUCT SET --retrieve` asks the service for all of it, which costs money and takes hours; `--sample 0.01` needs less',
  }
}

/** Counts what a read finds in an archive although the listing knew of none, or no more; where nobody asked for it. */
export function tallyUnread({ retrieve }: Pick<ChoiceJob, 'retrieve'>) {
  let count = 0
  return {
    took(error: unknown, some: number): boolean {
      if (retrieve !== undefined || !isBackupError(error, 'object-archived')) return false
      count += some
      return true
    },
    findings(what: 'content' | 'object'): readonly Finding[] {
      if (count === 0) return []
      return [notRead(count === 1 ? `1 ${what} lies in an archive` : `${count} ${what}s lie in an archive`)]
    },
  }
}

/** What a verification has checked of everything. */
export function levelReached(level: ObjectsReport['level'], findings: readonly Finding[]): ObjectsReport['level'] {
  return findings.some(({ code }) => code === 'content-archived') ? 'listed' : level
}
