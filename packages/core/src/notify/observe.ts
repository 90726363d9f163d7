import type { ProductStatus, StatusFinding } from '../api/status.js'
import { kindOfJob, setOfJob, spokenJob } from '../config/jobs.js'
import { redactor } from '../http/redactor.js'
import { type AlertEntry, type AlertState, entryKey } from './alert-state.js'
import { type ChannelFailure, channelFailed, noteChannel } from './channel-entries.js'
import { jobOf } from './jobs-of-findings.js'
import { isOfLive, type RunFailure, type RunOutcome } from './run-outcome.js'

/** What somebody saw of a product. */
export interface Seen {
  /** Null: it could not be read. */
  readonly status: ProductStatus | null
  /** Null: nothing ran. */
  readonly outcome: RunOutcome | null
  /** What came of pings, by their name. */
  readonly pings?: Readonly<Record<string, ChannelFailure>> | undefined
}

/**
 * The entries of a product after somebody looked: found again, new, or over. What could not be looked at stays as it
 * was: a destination that does not answer hides findings, it does not mend them.
 */
export function observe(previous: AlertState, seen: Seen, now: Date): AlertState {
  const entries = new Map(previous.entries.map(entry => [entryKey(entry), entry]))
  if (seen.outcome !== null && seen.outcome.result !== 'cancelled') noteRun(entries, seen.outcome)
  if (seen.status !== null) noteStatus(entries, seen.status, seen.outcome, now)
  for (const [name, failure] of Object.entries(seen.pings ?? {})) noteChannel(entries, name, failure, now.toISOString())
  return { ...previous, entries: [...entries.values()] }
}

type Entries = Map<string, AlertEntry>

function noteStatus(entries: Entries, status: ProductStatus, outcome: RunOutcome | null, now: Date): void {
  const at = now.toISOString()
  const stillThere = new Set<string>()
  for (const finding of status.findings) {
    // How channels are is known here, not there.
    if (finding.code === channelFailed) continue
    const key = entryKey(finding)
    stillThere.add(key)
    const known = entries.get(key)
    const found = entryOf(finding, at)
    // The run that it comes from has just said why.
    const said = known?.source === 'run' && known.closedAt === null && known.seenAt === outcome?.finishedAt
    entries.set(key, foundAgain(known, said ? { ...found, message: known.message, hint: known.hint } : found))
  }
  for (const [key, entry] of entries) {
    if (entry.closedAt !== null) continue
    const over =
      entry.source === 'status'
        ? !stillThere.has(key) && !isHidden(entry, status)
        : entry.source === 'run' &&
          (isOfNoPlace(entry, status) || (entry.job !== outcome?.job && isMended(entry, status)))
    if (over) entries.set(key, { ...entry, closedAt: at, changedAt: at })
  }
}

/** What a run that could not be done, or only in part, leaves: nothing in the store tells of it. */
function noteRun(entries: Entries, outcome: RunOutcome): void {
  const { job, failures, finishedAt: at } = outcome
  const fresh = failures.map(failure => runEntry(outcome, failure))
  const keys = new Set(fresh.map(entryKey))
  for (const entry of fresh) entries.set(entryKey(entry), foundAgain(entries.get(entryKey(entry)), entry))
  const failed = failures.filter(({ what }) => what !== 'found')
  // Another run was at it: nothing is known of what failed before.
  if (failed.some(({ code }) => code === 'locked')) return
  for (const [key, entry] of entries) {
    if (entry.source !== 'run' || entry.job !== job || entry.closedAt !== null || keys.has(key)) continue
    const now = nowOf(entry, outcome, failed)
    // What fails for another reason is told with that one, and not as over.
    if (now !== 'unknown')
      entries.set(key, { ...entry, closedAt: at, changedAt: at, sent: now === 'replaced' ? {} : entry.sent })
  }
}

/** How something that an earlier run left stands after this one, which does not name it. */
function nowOf(
  entry: AlertEntry,
  { live, destinations }: RunOutcome,
  failed: readonly RunFailure[],
): 'over' | 'replaced' | 'unknown' {
  if (isOfLive(entry)) return live ? 'over' : 'unknown'
  const asAWhole = failed.some(({ destination }) => destination === null)
  const { destination } = entry
  if (destination === null) return asAWhole ? 'replaced' : 'over'
  if (asAWhole || !(destinations?.includes(destination) ?? true)) return 'unknown'
  if (!failed.some(failure => failure.destination === destination)) return 'over'
  return entry.code.endsWith('-failed') ? 'replaced' : 'unknown'
}

function foundAgain(known: AlertEntry | undefined, found: AlertEntry): AlertEntry {
  if (known === undefined) return found
  const since = known.closedAt === null && known.since < found.since ? known.since : found.since
  return { ...found, since, sent: known.sent }
}

function entryOf(finding: StatusFinding, at: string): AlertEntry {
  const { code, subject, severity, since } = finding
  return {
    ...{ code, subject, severity, ...wordsOf(finding), since: since ?? at, seenAt: at, changedAt: at, closedAt: null },
    ...{ source: 'status', job: jobOf(finding), destination: null, sent: {} },
  }
}

function runEntry({ job, finishedAt: at }: RunOutcome, failure: RunFailure): AlertEntry {
  const { what, destination, severity, code } = failure
  const { message, hint } = wordsOf(failure)
  const common = {
    severity,
    hint,
    since: at,
    seenAt: at,
    changedAt: at,
    closedAt: null,
    source: 'run',
    job,
    destination,
    sent: {},
  } as const
  const set = setOfJob(job)
  if (what === 'found')
    return { ...common, code, subject: set ? subjectOf(set.set, destination) : destination, message }
  const where = destination === null ? '' : `${kindOfJob(job) === 'backup' ? ' to' : ' of'} ${destination}`
  const failed = cut(`the ${spokenJob(job)}${where} failed: ${message}`, 2000)
  if (set !== undefined) {
    // Here, too, the status has the same finding, as long as nothing better came there.
    if (set.does === 'copy' && destination !== null)
      return { ...common, code: 'objects-behind', subject: subjectOf(set.set, destination), message: failed }
    return {
      ...common,
      code: `objects-${set.does}-failed`,
      subject: `${subjectOf(set.set, destination)} ${code}`,
      message: failed,
    }
  }
  // The status has the same finding, as long as nothing better came there.
  if (job === 'backup' && destination !== null)
    return { ...common, code: 'backup-partial', subject: destination, message: failed }
  return {
    ...common,
    code: `${job}-failed`,
    subject: destination === null ? code : `${destination} ${code}`,
    message: failed,
  }
}

/** As the status calls a set, or a set in a destination. */
function subjectOf(set: string, destination: string | null): string {
  return destination === null ? set : `${set} ${destination}`
}

/** Whether a finding is gone only because the place that tells of it did not answer. */
function isHidden({ code, subject }: AlertEntry, { destinations }: ProductStatus): boolean {
  const silent = destinations.filter(({ reachable }) => !reachable)
  if (silent.length === 0) return false
  const name = code.startsWith('objects-') ? subject?.split(' ')[1] : subject
  const own = destinations.find(({ destination }) => destination === name)
  return own === undefined || !own.reachable
}

/** Whether it is of a destination that the product has no more: no run and no store will ever tell of it again. */
function isOfNoPlace({ destination }: AlertEntry, { destinations }: ProductStatus): boolean {
  return destination !== null && destinations.length > 0 && !destinations.some(one => one.destination === destination)
}

/** Whether the store shows that what a run could not do was done since, by a run that told nobody. */
function isMended(entry: AlertEntry, status: ProductStatus): boolean {
  const { job, destination, seenAt } = entry
  // A backup that was read shows nothing of the live database, nor a warning that its record repeats.
  if (isOfLive(entry) || (entry.severity === 'warning' && !/^(backup-|objects-behind)/.test(entry.code))) return false
  const here = (name: string) => destination === null || name === destination
  const of = job === null ? undefined : setOfJob(job)
  if (of !== undefined) {
    const set = status.objects?.find(one => one.set === of.set)
    return (set?.destinations ?? []).some(one => {
      if (!here(one.destination)) return false
      if (of.does === 'copy') return one.newest !== null && one.newest.createdAt > seenAt
      return of.does === 'verify' && one.lastVerification?.ok === true && one.lastVerification.at > seenAt
    })
  }
  if (job === 'backup')
    return status.destinations.some(
      one => here(one.destination) && one.newest !== null && one.newest.createdAt > seenAt,
    )
  const proof = job === 'verify' ? status.lastVerification : job === 'drill' ? status.lastDrill : null
  return proof?.ok === true && here(proof.destination) && proof.at > seenAt
}

const redact = redactor([], [])

/** The words of a finding as they may leave this machine: one line, bounded, and no credentials whoever put them there. */
function wordsOf({ message, hint }: Pick<StatusFinding, 'message' | 'hint'>) {
  return { message: cut(plain(message), 2000), hint: hint === null ? null : cut(plain(hint), 1000) }
}

function plain(text: string): string {
  return redact(text.replace(/[\p{Cc}\p{Bidi_Control}\s]+/gu, ' ').trim())
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}
