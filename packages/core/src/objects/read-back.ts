import type { ObjectsReport } from '../api/objects.js'
import type { Finding } from '../api/verification.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { rotationReadBack } from './objects-record.js'
import { type VerifyObjectsJob, verifyObjects } from './verify-objects.js'

export interface ReadBackJob extends Omit<VerifyObjectsJob, 'level' | 'sample' | 'onlyRun' | 'onOther' | 'retrieve'> {
  /** Runs that this rotation has read back before, by how. */
  readonly readRuns: ReadRuns
}

/** Runs all of whose content was read, decrypted or byte for byte. */
export type ReadRuns = Readonly<Record<'content' | 'stored', ReadonlySet<string>>>

/** What was read of a snapshot that was encrypted anew. */
export interface ReadBack {
  /** How far what was written for it was looked at. */
  readonly verified: ObjectsReport['level']
  /** What can be recorded of the whole snapshot: no more than this rotation has read of it. */
  readonly report: ObjectsReport
  readonly sample: number
}

/**
 * Reads what was stored anew, decrypted where a key at hand does, else byte for byte. What earlier snapshots of the same
 * rotation hold was read with them, and counts; what was left where it is for today's keys was not read, and does not.
 * @throws BackupError `object-damaged`
 */
export async function readBack(job: ReadBackJob): Promise<ReadBack> {
  for (const level of ['content', 'stored'] as const) {
    try {
      return await readAtLevel(job, level)
    } catch (error) {
      if (level === 'content' && (isBackupError(error, 'wrong-key') || isBackupError(error, 'key-missing'))) continue
      throw error
    }
  }
  throw new BackupError('unexpected', `${job.snapshot.id} could not be checked`, {
    hint: '`lifeboat objects verify` says more; the old snapshot is still there',
  })
}

async function readAtLevel(job: ReadBackJob, level: 'content' | 'stored'): Promise<ReadBack> {
  const { snapshot, readRuns } = job
  const [before, unread] = [tally(), tally()]
  const report = await verifyObjects({
    ...{ ...job, level, sample: 1, onlyRun: snapshot.id, retrieve: undefined },
    onOther: (run, bytes) => (readRuns[level].has(run) ? before : unread).add(bytes),
  })
  const wrong = report.findings.find(one => one.severity === 'critical')
  if (wrong !== undefined)
    throw new BackupError('object-damaged', `${snapshot.id} is not what was encrypted anew: ${wrong.message}`, {
      hint: 'the old snapshot is still there; look at the store, then rotate again',
    })
  const read = report.read + before.count
  const all = read + unread.count
  const findings = [...report.findings, told(report.read, before.count, unread.count)]
  const whole = { ...report, read, readBytes: report.readBytes + before.bytes, findings }
  // In an archive it is looked at, and not read; nor is what was all left in place.
  if (report.level !== level || (read === 0 && all > 0))
    return { verified: report.level, report: { ...whole, level: 'listed' }, sample: 1 }
  return { verified: level, report: whole, sample: all === 0 ? 1 : read / all }
}

function tally() {
  return {
    count: 0,
    bytes: 0,
    add(bytes: number) {
      this.count += 1
      this.bytes += bytes
    },
  }
}

/** By what it was read, for whoever reads the record. */
function told(now: number, before: number, unread: number): Finding {
  const parts = [
    `${now} read back by the rotation that wrote them`,
    ...(before === 0 ? [] : [`${before} by the same rotation with earlier snapshots`]),
    ...(unread === 0 ? [] : [`${unread} left in place for the same keys, and not read`]),
  ]
  return { severity: 'info', code: rotationReadBack, message: parts.join(', '), hint: null }
}
