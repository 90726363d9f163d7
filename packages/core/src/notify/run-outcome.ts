import type { BackupResult } from '../api/backups.js'
import type { CopyObjectsResult, ObjectsPruneResult, ObjectsReport } from '../api/objects.js'
import type { PruneResult } from '../api/retention.js'
import type { Finding, VerificationReport } from '../api/verification.js'
import { type Job, kindOfJob } from '../config/jobs.js'
import { isBackupError } from '../errors/backup-error.js'
import { liveObjectMissing, liveQueryFailed, rowsFarFromLive, rtoExceeded, tooOld } from '../verify/finding.js'

/** One job of one product. */
export interface RunStart {
  readonly product: string
  readonly job: Job
}

/** Something that nothing in the store tells of: what a run could not do, and what it found and no status repeats. */
export interface RunFailure {
  /** `failed` (default): it could not be done, and the code is an error's. `found`: a finding of a verification or drill. */
  readonly what?: 'failed' | 'found' | undefined
  /** Null: the run as a whole, or the live database. */
  readonly destination: string | null
  readonly severity: Finding['severity']
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
  /** Whether the live database was looked at, too. Default: false. */
  readonly live?: boolean | undefined
  readonly failures: readonly RunFailure[]
  /** One line for people: how it went. */
  readonly summary: string
}

/** What calls resolve to, of backups and of objects. */
type Done = BackupResult | VerificationReport | PruneResult | CopyObjectsResult | ObjectsReport | ObjectsPruneResult

/** A part of a run: what a call on one product, or on one of its destinations, resolved to or was rejected with. */
export type RunPart = {
  /** Where the call named one. */
  readonly destination?: string | undefined
} & ({ readonly done: Done } | { readonly error: unknown })

/**
 * Draws together what became of a run, from what its calls gave: one for a backup or a drill, one for each destination
 * of a verification or a prune.
 */
export function outcomeOf(
  run: RunStart & { readonly startedAt: Date },
  parts: readonly RunPart[],
  finishedAt: Date,
): RunOutcome {
  const failures = together(parts.flatMap(part => failuresOf(run, part)))
  const states = parts.map(stateOf)
  const named = parts.map(placesOf)
  return {
    product: run.product,
    job: run.job,
    startedAt: run.startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    result: resultOf(states),
    destinations:
      named.length === 0 || named.includes(undefined) ? null : [...new Set(named.flatMap(one => one ?? []))],
    live: parts.some(part => 'done' in part && 'live' in part.done && part.done.live),
    failures,
    summary: parts.map(summaryOf).join('; '),
  }
}

/** Where a part was about; undefined: everywhere. */
function placesOf(part: RunPart): readonly string[] | undefined {
  if (part.destination !== undefined) return [part.destination]
  if ('error' in part) return undefined
  const { done } = part
  if ('destination' in done) return [done.destination]
  return done.destinations.filter(({ outcome }) => outcome !== 'not-due').map(({ destination }) => destination)
}

type PartState = RunOutcome['result']

function resultOf(states: readonly PartState[]): PartState {
  if (states.includes('cancelled')) return 'cancelled'
  if (states.every(state => state === 'ok')) return 'ok'
  return states.every(state => state === 'failed') ? 'failed' : 'partial'
}

function stateOf(part: RunPart): PartState {
  if ('error' in part) return isBackupError(part.error, 'cancelled') ? 'cancelled' : 'failed'
  if ('status' in part.done) return part.done.status === 'complete' ? 'ok' : 'partial'
  if ('findings' in part.done) return part.done.ok ? 'ok' : 'failed'
  return refusedIn(part.done).length === 0 ? 'ok' : 'partial'
}

function failuresOf({ job }: RunStart, part: RunPart): RunFailure[] {
  const destination = part.destination ?? null
  if ('error' in part) {
    const { code, message, hint } = described(part.error)
    if (code === 'cancelled') return []
    // Another run is at it: that one's outcome counts. And what was not removed harms nobody tonight.
    const severity = code === 'locked' || kindOfJob(job) === 'prune' ? 'warning' : 'critical'
    return [{ what: 'failed', destination, severity, code, message, hint }]
  }
  const { done } = part
  if ('status' in done) {
    return done.destinations.flatMap(one =>
      one.error === null
        ? []
        : [{ what: 'failed' as const, destination: one.destination, severity: 'warning' as const, ...one.error }],
    )
  }
  if (!('findings' in done)) {
    const refused = refusedIn(done)
    const [first] = refused
    if (first === undefined) return []
    const message = `${refused.length} could not be removed: ${first.message}`
    return [
      { what: 'failed', destination: done.destination, severity: 'warning', code: first.code, message, hint: null },
    ]
  }
  return done.findings.filter(isToldByNobodyElse).map(finding => ({
    ...finding,
    what: 'found' as const,
    destination: isOfLive(finding) ? null : done.destination,
  }))
}

/** What a prune was to remove, and could not: what the place keeps by a rule, such as a lock, is not among it. */
function refusedIn(done: PruneResult | ObjectsPruneResult): { readonly code: string; readonly message: string }[] {
  // What a set's prune could not judge stays behind as what it could not remove does.
  if ('held' in done && done.held !== null) return [{ code: 'object-damaged', message: done.held }]
  return [...done.retained, ...('sweep' in done ? done.sweep.retained : [])].flatMap(({ code, message }) =>
    code === undefined ? [] : [{ code, message }],
  )
}

/** Codes of findings about the live database. */
const liveCodes = new Set([rowsFarFromLive, liveQueryFailed, liveObjectMissing])

/** Whether a finding speaks of the live database, which only a run that looks at it finds again. */
export function isOfLive({ code }: { readonly code: string }): boolean {
  return liveCodes.has(code)
}

/**
 * The status judges age and objectives anew, and repeats what a record holds against a backup. It does not repeat
 * warnings, nor what is not held against it, nor a key that was not at hand.
 */
function isToldByNobodyElse(finding: Finding): boolean {
  const { code, severity } = finding
  if (severity === 'info' || code === tooOld || code === rtoExceeded || code === 'objects-missed') return false
  return severity === 'warning' || isOfLive(finding) || code === 'key-missing' || code === 'wrong-key'
}

/** Several of one code and place become one, as they are told as one. */
function together(failures: readonly RunFailure[]): RunFailure[] {
  const found = new Map<string, RunFailure>()
  for (const failure of failures) {
    const key = `${failure.what ?? 'failed'} ${failure.code} ${failure.destination}`
    const known = found.get(key)
    const worse = known?.severity === 'critical' ? known.severity : failure.severity
    const message = known === undefined ? failure.message : `${known.message}; ${failure.message}`
    found.set(key, { ...(known ?? failure), severity: worse, message })
  }
  return [...found.values()]
}

function summaryOf(part: RunPart): string {
  const at = part.destination === undefined ? '' : `${part.destination}: `
  if ('error' in part) return `${at}${described(part.error).message}`
  const { done } = part
  if ('status' in done) {
    const failed = done.destinations.filter(one => one.error !== null)
    if ('set' in done) return copySummary(done)
    return `backup ${done.id} ${done.status}${failed.map(one => `; ${one.destination}: ${one.error!.message}`).join('')}`
  }
  if ('findings' in done) {
    const bad = done.findings.filter(({ severity }) => severity !== 'info')
    return `${done.id} at ${done.destination}: ${bad.length === 0 ? 'ok' : bad.map(({ message }) => message).join('; ')}`
  }
  const refused = refusedIn(done).length
  const left = refused === 0 ? '' : `, ${refused} could not be removed`
  return `${at || `${done.destination}: `}${done.removed.length} removed, ${done.plan.keep.length} kept${left}`
}

function copySummary({ set, status, destinations }: CopyObjectsResult): string {
  const said = destinations.map(({ destination, snapshot, error }) => {
    if (snapshot === null) return `${destination}: ${error?.message}`
    const missed = snapshot.missed === 0 ? '' : `, ${snapshot.missed} could not be read`
    return `${destination}: ${snapshot.id}, ${snapshot.objects} objects${missed}`
  })
  return `copy of ${set} ${status}; ${said.join('; ')}`
}

/** An error as the toolkit throws it; of any other only the first line is taken, which may still be somebody else's words. */
function described(error: unknown): { readonly code: string; readonly message: string; readonly hint: string | null } {
  if (isBackupError(error)) return { code: error.code, message: error.message, hint: error.hint ?? null }
  const said = error instanceof Error ? error.message.split('\n')[0] || error.name : String(error)
  return { code: 'unexpected', message: said, hint: null }
}
