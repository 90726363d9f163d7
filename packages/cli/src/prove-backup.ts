import { type BackupResult, isBackupError, type Lifeboat } from '@lifeboat/core'
import { type ExitStatus, exitStatus, exitStatusOf } from './exit-status.js'
import type { Colours } from './render/colours.js'
import { describeError } from './render/describe-error.js'
import { oneLine } from './render/one-line.js'
import { plural } from './render/quantities.js'
import type { Session } from './session.js'

/** Whether a backup that was just made can be read back from one destination. */
export interface Proof {
  readonly product: string
  readonly id: string
  readonly destination: string
  readonly level: 'stored' | 'content'
  readonly ok: boolean
  readonly tables: number | null
  readonly rows: number | null
  /** Why not. */
  readonly message: string | null
  readonly status: ExitStatus
}

/** Reads a new backup back from every destination that took it. What stands against it is reported, and its status kept. */
export async function proveBackup(
  session: Session,
  lifeboat: Lifeboat,
  { product, id, destinations }: BackupResult,
  level: Proof['level'],
): Promise<Proof[]> {
  const proofs: Proof[] = []
  for (const { destination } of destinations.filter(({ outcome }) => outcome === 'stored')) {
    const place = { product, id, destination, level }
    try {
      const { signal, progress } = session
      const report = await lifeboat.verify(`${product}/${id}`, {
        destination,
        level,
        signal,
        onEvent: progress.onEvent,
      })
      const unread = report.findings.find(({ code }) => code === 'artifact-archived')
      if (report.ok && unread !== undefined) {
        const seen = { ok: false, tables: null, rows: null, message: oneLine(unread.message) }
        proofs.push({ ...place, ...seen, status: exitStatus.archived })
        continue
      }
      const against = report.findings.find(({ severity }) => severity === 'critical')
      const message = against === undefined ? null : oneLine(against.message)
      const { ok, tables, rows } = report
      proofs.push({ ...place, ok, tables, rows, message, status: ok ? exitStatus.done : statusFor(against?.code) })
      if (against?.hint) session.say(`hint: ${oneLine(against.hint)}`)
    } catch (error) {
      if (session.signal.aborted || isBackupError(error, 'cancelled')) throw error
      session.report(error, `${product} at ${destination}`)
      const { message } = describeError(error)
      proofs.push({ ...place, ok: false, tables: null, rows: null, message, status: exitStatusOf(error) })
    }
  }
  // An archive cannot be read back at once; what was read elsewhere is the same backup.
  const elsewhere = proofs.some(({ ok }) => ok)
  return proofs.map(one =>
    elsewhere && one.status === exitStatus.archived ? { ...one, status: exitStatus.done } : one,
  )
}

function statusFor(code: string | undefined): ExitStatus {
  return code === 'key-missing' || code === 'wrong-key' ? exitStatus.wrongKey : exitStatus.damaged
}

export function renderProof(proof: Proof, colours: Colours): string {
  const { product, id, destination, level, ok, tables, rows, message } = proof
  const what = `${product}/${id} at ${destination}`
  if (!ok) return `${colours.red('not proven')} ${what}: ${message ?? 'see above'}`
  const read =
    level === 'stored' ? 'every stored byte' : `${plural(tables ?? 0, 'table')} with ${plural(rows ?? 0, 'row')}`
  return `${colours.green('proven')} ${what}: ${read} read back`
}
