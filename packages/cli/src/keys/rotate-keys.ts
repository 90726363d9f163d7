import { isBackupError, type Lifeboat, type RotateResult } from '@lifeboat/core'
import type { CommandResult } from '../command.js'
import { combinedStatus, type ExitStatus, exitStatus, exitStatusOf } from '../exit-status.js'
import { describeError, type ErrorDocument } from '../render/describe-error.js'
import { oneLine } from '../render/one-line.js'
import type { Session } from '../session.js'
import { type KeyFlags, withGivenKey } from './ask-passphrase.js'

export interface RotateFlags extends KeyFlags {
  readonly to?: string
  readonly removeOld?: boolean
  readonly destination?: string
}

interface Failure {
  readonly backup: string
  readonly destination: string | undefined
  readonly error: ErrorDocument
  readonly status: ExitStatus
}

export async function rotateKeys(session: Session, named: string, flags: RotateFlags): Promise<CommandResult> {
  const lifeboat = await session.open(named)
  const wanted = await chooseBackups(session, lifeboat, named, flags)
  const { to, removeOld } = flags
  const results: RotateResult[] = []
  const failures: Failure[] = []
  await withGivenKey(session, flags, async key => {
    for (const { backup, destination } of wanted.slice(results.length + failures.length)) {
      const options = { destination, to, removeOld, key, signal: session.signal, onEvent: session.progress.onEvent }
      try {
        results.push(await lifeboat.rotate(backup, options))
      } catch (error) {
        if (session.signal.aborted || isBackupError(error, 'cancelled') || isLocked(error)) throw error
        session.report(error, backup)
        failures.push({ backup, destination, error: describeError(error), status: exitStatusOf(error) })
      }
    }
  })
  const error = results.length === 0 ? failures[0]?.error : undefined
  return {
    status: combinedStatus([
      ...results.map(one => (one.kept === null ? exitStatus.done : exitStatus.partial)),
      ...failures.map(one => one.status),
    ]),
    document: {
      ...(error === undefined ? {} : { error }),
      results,
      failures: failures.map(({ status: _, ...rest }) => rest),
    },
    lines: results.length + failures.length === 0 ? ['there is no backup'] : results.flatMap(lineOf),
  }
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
