import { isBackupError, type Lifeboat, type RotateResult, type SetRotation } from '@lifeboat/core'
import type { CommandResult } from '../command.js'
import { combinedStatus, type ExitStatus, exitStatus, exitStatusOf } from '../exit-status.js'
import { chooseSets, runOf } from '../object-sets.js'
import { describeError, type ErrorDocument } from '../render/describe-error.js'
import { oneLine } from '../render/one-line.js'
import { type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'
import { UsageError } from '../usage-error.js'
import { type KeyFlags, withGivenKey } from './ask-passphrase.js'
import { rotatedSetLines, statusOfSnapshot } from './rotated-sets.js'

export interface RotateFlags extends KeyFlags, RetrieveFlags {
  readonly to?: string
  readonly removeOld?: boolean
  readonly destination?: string
  readonly dryRun?: boolean
  readonly objects?: string | true
}

interface SetFailure {
  readonly set: string
  readonly error: ErrorDocument
  readonly status: ExitStatus
}

interface Failure {
  readonly backup: string
  readonly destination: string | undefined
  readonly error: ErrorDocument
  readonly status: ExitStatus
}

export async function rotateKeys(session: Session, named: string, flags: RotateFlags): Promise<CommandResult> {
  const lifeboat = await session.open(flags.objects === undefined ? named : undefined)
  const sets = setsOf(session, lifeboat, named, flags)
  const wanted = flags.objects === undefined ? await chooseBackups(session, lifeboat, named, flags) : []
  const { to, removeOld, dryRun } = flags
  const sound: SetRotation[] = []
  const unsound: SetFailure[] = []
  const results: RotateResult[] = []
  const failures: Failure[] = []
  const retrieval = retrievalOf(flags)
  // Asked for all at once, and waited for afterwards: one after the other each would take hours.
  const asking = retrieval?.waitMs === undefined ? retrieval : { tier: retrieval.tier }
  const queue = wanted.map(one => ({ ...one, retrieve: asking }))
  await withGivenKey(session, flags, async key => {
    for (let one = queue[0]; one !== undefined; one = queue[0]) {
      const { backup, destination, retrieve } = one
      const options = { ...runOf(session), destination, to, removeOld, dryRun, retrieve, key }
      try {
        results.push(await lifeboat.rotate(backup, options))
      } catch (error) {
        if (session.signal.aborted || isBackupError(error, 'cancelled') || isLocked(error)) throw error
        if (isBackupError(error, 'object-archived') && retrieve !== retrieval) {
          queue.push({ ...one, retrieve: retrieval })
        } else {
          session.report(error, backup)
          failures.push({ backup, destination, error: describeError(error), status: exitStatusOf(error) })
        }
      }
      queue.shift()
    }
    for (const set of sets) {
      const options = {
        ...runOf(session),
        destination: flags.destination,
        key,
        removeOld,
        retrieve: retrieval,
        apply: !dryRun,
      }
      try {
        sound.push(...(await lifeboat.rotateObjects(named, set, options)))
      } catch (error) {
        if (session.signal.aborted || isBackupError(error, 'cancelled') || isLocked(error)) throw error
        session.report(error, `${named}/${set}`)
        unsound.push({ set, error: describeError(error), status: exitStatusOf(error) })
      }
    }
  })
  const nothing = results.length + sound.length === 0
  const error = nothing ? (failures[0] ?? unsound[0])?.error : undefined
  return {
    status: combinedStatus([
      ...results.map(one => (one.kept === null ? exitStatus.done : exitStatus.partial)),
      ...[...failures, ...unsound].map(one => one.status),
      ...sound.flatMap(one => one.snapshots.map(statusOfSnapshot)),
    ]),
    document: {
      ...(error === undefined ? {} : { error }),
      results,
      failures: failures.map(({ status: _, ...rest }) => rest),
      objects: { results: sound, failures: unsound.map(({ status: _, ...rest }) => rest) },
    },
    lines:
      nothing && failures.length + unsound.length === 0
        ? ['there is no backup']
        : [...results.flatMap(lineOf), ...sound.flatMap(rotatedSetLines), ...skippedLines(lifeboat, named, flags)],
  }
}

/** Of a product that is named whole; snapshots stay in their destination. */
function setsOf(session: Session, lifeboat: Lifeboat, named: string, flags: RotateFlags): readonly string[] {
  const { objects, to } = flags
  if (objects !== undefined) {
    if (to !== undefined) throw new UsageError('--objects and --to do not go together', snapshotsStay)
    return chooseSets(session, lifeboat, named, objects === true ? undefined : objects)
  }
  return to === undefined && lifeboat.products.includes(named) ? lifeboat.objectSets(named) : []
}

const snapshotsStay = 'snapshots of objects are encrypted anew beside the old ones'

function skippedLines(lifeboat: Lifeboat, named: string, { to }: RotateFlags): string[] {
  if (to === undefined || !lifeboat.products.includes(named) || lifeboat.objectSets(named).length === 0) return []
  return [`objects of ${named}: left as they are, ${snapshotsStay}: \`lifeboat keys rotate ${named} --objects\``]
}

/** A private key whose passphrase is asked for; then it goes on where it stopped. */
function isLocked(error: unknown): boolean {
  return isBackupError(error, 'key-missing') && error.message.endsWith('is locked')
}

async function chooseBackups(
  { signal, progress }: Session,
  lifeboat: Lifeboat,
  named: string,
  { destination }: RotateFlags,
): Promise<{ readonly backup: string; readonly destination: string | undefined }[]> {
  if (!lifeboat.products.includes(named)) return [{ backup: named, destination }]
  const { backups } = await lifeboat.list(named, { destination, signal, onEvent: progress.onEvent })
  return backups.map(one => ({ backup: `${one.product}/${one.id}`, destination: one.destination }))
}

function lineOf(one: RotateResult): string[] {
  const old = `${one.product}/${one.id} in ${one.destination}`
  if (one.outcome === 'due') return [`${old}: would be encrypted anew`]
  if (one.outcome === 'current' || one.rotated === null) return [`${old}: opens with the configured keys only`]
  const made = `${one.rotated.id} in ${one.rotated.destination}`
  const head =
    one.outcome === 'present' ? `${old}: encrypted anew before, as ${made}` : `${old}: encrypted anew as ${made}`
  const stored = one.verified === 'stored' ? 'every stored byte compared' : 'not read: it lies in an archive'
  const checked = one.verified === 'content' ? 'read to its end' : stored
  const left = one.removedOld
    ? 'the old one is removed'
    : `the old one is still there${one.kept === null ? '' : `: ${oneLine(one.kept)}`}`
  const unread =
    one.verified === 'stored'
      ? [
          `  no key here opens the new one: \`lifeboat verify ${one.product}/${one.rotated.id}\` where one is, before the next prune`,
        ]
      : []
  return [`${head}, ${checked}; ${left}`, ...unread]
}
