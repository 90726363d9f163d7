import type { ProductStatus, StatusFinding } from '../api/status.js'
import { redactor } from '../http/redactor.js'
import { type AlertEntry, type AlertState, entryKey } from './alert-state.js'
import { type ChannelFailure, channelFailed, noteChannel } from './channel-entries.js'
import { jobOf } from './jobs-of-findings.js'
import type { RunFailure, RunOutcome } from './run-outcome.js'

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
  const found = new Set<string>()
  for (const finding of status.findings) {
    // How channels are is known here, not there.
    if (finding.code === channelFailed) continue
    const key = entryKey(finding)
    found.add(key)
    entries.set(key, foundAgain(entries.get(key), entryOf(finding, at)))
  }
  for (const [key, entry] of entries) {
    if (entry.closedAt !== null) continue
    const over =
      entry.source === 'status'
        ? !found.has(key) && !isHidden(entry, status)
        : entry.source === 'run' && entry.job !== outcome?.job && isMended(entry, status)
    if (over) entries.set(key, { ...entry, closedAt: at })
  }
}

/** What a run that could not be done, or only in part, leaves: nothing in the store tells of it. */
function noteRun(entries: Entries, outcome: RunOutcome): void {
  const { job, failures, destinations, finishedAt: at } = outcome
  const fresh = failures.map(failure => failedEntry(outcome, failure))
  const keys = new Set(fresh.map(entryKey))
  for (const entry of fresh) entries.set(entryKey(entry), foundAgain(entries.get(entryKey(entry)), entry))
  // Another run was at it: nothing is known of what failed before.
  if (failures.some(({ code }) => code === 'locked')) return
  const asAWhole = failures.some(({ destination }) => destination === null)
  for (const [key, entry] of entries) {
    if (entry.source !== 'run' || entry.job !== job || entry.closedAt !== null || keys.has(key)) continue
    const { destination } = entry
    if (destination !== null && (asAWhole || !(destinations?.includes(destination) ?? true))) continue
    const replaced = failures.some(failure => failure.destination === destination)
    // It still fails, for another reason, which is told instead.
    entries.set(key, { ...entry, closedAt: at, sent: replaced ? {} : entry.sent })
  }
}

function foundAgain(known: AlertEntry | undefined, found: AlertEntry): AlertEntry {
  if (known === undefined) return found
  const since = known.closedAt === null && known.since < found.since ? known.since : found.since
  return { ...found, since, sent: known.sent }
}

function entryOf(finding: StatusFinding, at: string): AlertEntry {
  const { code, subject, severity, since } = finding
  return {
    ...{ code, subject, severity, ...wordsOf(finding), since: since ?? at, seenAt: at, closedAt: null },
    ...{ source: 'status', job: jobOf(finding), destination: null, sent: {} },
  }
}

function failedEntry({ job, finishedAt: at }: RunOutcome, failure: RunFailure): AlertEntry {
  const { destination, severity, code } = failure
  const where = destination === null ? '' : ` ${destination}`
  const what = { backup: `backup${where && ` to${where}`}`, verify: `verification${where && ` of${where}`}` }
  const name = job === 'backup' || job === 'verify' ? what[job] : `${job}${where && ` of${where}`}`
  const { message, hint } = wordsOf(failure)
  return {
    ...{ code: `${job}-failed`, subject: destination === null ? code : `${destination} ${code}`, severity },
    ...{ message: cut(`the ${name} failed: ${message}`, 2000), hint, since: at, seenAt: at, closedAt: null },
    ...{ source: 'run', job, destination, sent: {} },
  }
}

/** Whether a finding is gone only because the place that tells of it did not answer. */
function isHidden({ subject }: AlertEntry, { destinations }: ProductStatus): boolean {
  const silent = destinations.filter(({ reachable }) => !reachable)
  if (silent.length === 0) return false
  const own = destinations.find(({ destination }) => destination === subject)
  return own === undefined || !own.reachable
}

/** Whether the store shows that what a run could not do was done since, by a run that told nobody. */
function isMended({ job, destination, seenAt }: AlertEntry, status: ProductStatus): boolean {
  const here = (name: string) => destination === null || name === destination
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
