import type { BackupResult } from '../api/backups.js'
import type { PruneResult } from '../api/retention.js'
import type { Finding, VerificationReport } from '../api/verification.js'
import type { ScheduledJob } from '../config/schedule-schema.js'
import { isBackupError } from '../errors/backup-error.js'

/** One job of one product. */
export interface RunStart {
  readonly product: string
  readonly job: ScheduledJob
}

/** Something that a run could not do. What it found is in the records of the store, and not repeated here. */
export interface RunFailure {
  /** Null: the run as a whole. */
  readonly destination: string | null
  readonly severity: Finding['severity']
  /** An error's code. */
  readonly code: string
  readonly message: string
  readonly hint: string | null
}

/** What became of a run: plain values, which may travel through a queue. */
export interface RunOutcome extends RunStart {
  /** RFC 3339. */
  readonly startedAt: string
  readonly finishedAt: string
  /** `failed`: something is wrong, or nothing was done; `partial`: a part was; `cancelled`: somebody stopped it. */
  readonly result: 'ok' | 'partial' | 'failed' | 'cancelled'
  /** The destinations it was about; null: whatever the job is about. */
  readonly destinations: readonly string[] | null
  readonly failures: readonly RunFailure[]
  /** One line for people: how it went. */
  readonly summary: string
}

/** A part of a run: what a call on one product, or on one of its destinations, resolved to or was rejected with. */
export type RunPart = {
  /** Where the call named one. */
  readonly destination?: string | undefined
} & ({ readonly done: BackupResult | VerificationReport | PruneResult } | { readonly error: unknown })

/**
 * Draws together what became of a run, from what its calls gave: one for a backup or a drill, one for each destination
 * of a verification or a prune.
 */
export function outcomeOf(
  run: RunStart & { readonly startedAt: Date },
  parts: readonly RunPart[],
  finishedAt: Date,
): RunOutcome {
  const failures = parts.flatMap(part => failuresOf(run, part))
  const states = parts.map(stateOf)
  const named = parts.map(part => part.destination).filter(one => one !== undefined)
  return {
    product: run.product,
    job: run.job,
    startedAt: run.startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    result: together(states),
    destinations: named.length === parts.length && named.length > 0 ? [...new Set(named)] : null,
    failures,
    summary: parts.map(summaryOf).join('; '),
  }
}

type PartState = RunOutcome['result']

function together(states: readonly PartState[]): PartState {
  if (states.includes('cancelled')) return 'cancelled'
  if (states.every(state => state === 'ok')) return 'ok'
  return states.every(state => state === 'failed') ? 'failed' : 'partial'
}

function stateOf(part: RunPart): PartState {
  if ('error' in part) return isBackupError(part.error, 'cancelled') ? 'cancelled' : 'failed'
  if ('status' in part.done) return part.done.status === 'complete' ? 'ok' : 'partial'
  if ('findings' in part.done) return part.done.ok ? 'ok' : 'failed'
  return 'ok'
}

function failuresOf({ job }: RunStart, part: RunPart): RunFailure[] {
  const destination = part.destination ?? null
  if ('error' in part) {
    const { code, message, hint } = described(part.error)
    if (code === 'cancelled') return []
    // Another run is at it: that one's outcome counts. And what was not removed harms nobody tonight.
    const severity = code === 'locked' || job === 'prune' ? 'warning' : 'critical'
    return [{ destination, severity, code, message, hint }]
  }
  const { done } = part
  if ('status' in done) {
    return done.destinations.flatMap(one =>
      one.error === null ? [] : [{ destination: one.destination, severity: 'critical' as const, ...one.error }],
    )
  }
  if (!('findings' in done)) return []
  // What says nothing about the backup is not recorded, so only the run can tell of it.
  return done.findings
    .filter(({ code }) => code === 'key-missing' || code === 'wrong-key')
    .map(finding => ({ ...finding, destination: done.destination }))
}

function summaryOf(part: RunPart): string {
  const at = part.destination === undefined ? '' : `${part.destination}: `
  if ('error' in part) return `${at}${described(part.error).message}`
  const { done } = part
  if ('status' in done) {
    const failed = done.destinations.filter(one => one.error !== null)
    return `backup ${done.id} ${done.status}${failed.map(one => `; ${one.destination}: ${one.error!.message}`).join('')}`
  }
  if ('findings' in done) {
    const bad = done.findings.filter(({ severity }) => severity !== 'info')
    return `${done.id} at ${done.destination}: ${bad.length === 0 ? 'ok' : bad.map(({ message }) => message).join('; ')}`
  }
  return `${at || `${done.destination}: `}${done.removed.length} removed, ${done.plan.keep.length} kept`
}

/** An error as the toolkit throws it; of any other only the first line is taken, which may still be somebody else's words. */
function described(error: unknown): { readonly code: string; readonly message: string; readonly hint: string | null } {
  if (isBackupError(error)) return { code: error.code, message: error.message, hint: error.hint ?? null }
  const said = error instanceof Error ? error.message.split('\n')[0] || error.name : String(error)
  return { code: 'unexpected', message: said, hint: null }
}
