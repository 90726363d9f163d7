import { kindOfJob, type ObjectJob, setOfJob } from '../config/jobs.js'
import { type AlertEntry, type AlertState, entryKey, tidyState } from './alert-state.js'
import { channelFailed, pingName } from './channel-entries.js'
import type { AlertPolicy, Severity } from './notify-policy.js'
import { observe, type Seen } from './observe.js'

/** What a message says of a finding. */
export interface AlertEvent {
  readonly what: 'appeared' | 'worse' | 'repeated' | 'recovered'
  readonly entry: AlertEntry
}

/** One message to one channel. */
export interface PlannedMessage {
  readonly channel: string
  /** Gravest first; empty: only to say that messages arrive here again. */
  readonly events: readonly AlertEvent[]
  /** The channel did not work the last time. */
  readonly afterFailure: boolean
  /** From now on, and until an hour is calmer, only new critical findings are sent at once. */
  readonly lastBeforeSilence: boolean
}

export interface AlertPlan {
  readonly send: readonly PlannedMessage[]
  /** What is known now; what was sent is noted in it by `noteDeliveries`. */
  readonly nextState: AlertState
}

/** Messages an hour and product to one channel, after which only what is new and critical is sent, and after which nothing. */
const calmMessages = 10
const mostMessages = 30
const hourMs = 3_600_000

/** A timer is due a tenth early, so that a nightly run which is seconds earlier than the last does not miss it by a day. */
const earlyShare = 0.9
/** What is repeated takes along what would be soon: one message a day, not one for each finding. */
const alongShare = 0.75

const rank: Readonly<Record<Severity, number>> = { critical: 2, warning: 1, info: 0 }

/**
 * Decides what to tell whom: a finding when it appears, when it gets worse, again on a timer while it lasts, and once
 * when it is gone, to those who were told of it. Pure: the same memory, status and time give the same plan.
 */
export function planAlerts(previous: AlertState, seen: Seen, policy: AlertPolicy, now: Date): AlertPlan {
  const names = [...policy.channels.map(({ name }) => name), ...policy.pings.map(pingName)]
  const nextState = tidyState(observe(previous, seen, now), names, now)
  const send = policy.channels.flatMap(channel => planMessage(channel, nextState, policy, now) ?? [])
  return { send, nextState }
}

type PolicyChannel = AlertPolicy['channels'][number]

function planMessage(
  channel: PolicyChannel,
  state: AlertState,
  policy: AlertPolicy,
  now: Date,
): PlannedMessage | undefined {
  const { name } = channel
  const count = (state.messages[name] ?? []).filter(at => now.getTime() - Date.parse(at) < hourMs).length
  if (count >= mostMessages) return undefined
  const all = eventsFor(channel, state.entries, policy, now)
  const events = count < calmMessages ? all : all.filter(isUrgent)
  const afterFailure = isFailing(state, name)
  if (events.length === 0 && !(afterFailure && count < calmMessages)) return undefined
  const sorted = events.toSorted(
    (a, b) =>
      Number(a.what === 'recovered') - Number(b.what === 'recovered') ||
      rank[b.entry.severity] - rank[a.entry.severity] ||
      entryKey(a.entry).localeCompare(entryKey(b.entry)),
  )
  return { channel: name, events: sorted, afterFailure, lastBeforeSilence: count === calmMessages - 1 }
}

/** Whether the last message to a channel could not be sent. */
export function isFailing({ entries }: AlertState, channel: string): boolean {
  return entries.some(
    ({ code, subject, closedAt }) => code === channelFailed && subject === channel && closedAt === null,
  )
}

function isUrgent({ what, entry }: AlertEvent): boolean {
  return entry.severity === 'critical' && (what === 'appeared' || what === 'worse')
}

function eventsFor(
  channel: PolicyChannel,
  entries: readonly AlertEntry[],
  policy: AlertPolicy,
  now: Date,
): AlertEvent[] {
  const events: AlertEvent[] = []
  const soon: AlertEvent[] = []
  const failed = entries.filter(isFailure)
  for (const entry of entries) {
    // A channel that fails cannot be told that it does.
    if (entry.source === 'channel' && entry.subject === channel.name) continue
    const told = Object.hasOwn(entry.sent, channel.name) ? entry.sent[channel.name] : undefined
    if (entry.closedAt !== null) {
      if (told !== undefined) events.push({ what: 'recovered', entry })
      continue
    }
    if (!hears(channel, entry)) continue
    // It is missing because it failed, which is told: one cause, one alert.
    if (told === undefined && failed.some(one => explains(one, entry))) continue
    if (told === undefined) events.push({ what: 'appeared', entry })
    else if (rank[entry.severity] > rank[told.severity]) events.push({ what: 'worse', entry })
    else {
      const every = policy.repeatMs[entry.severity]
      const elapsed = now.getTime() - Date.parse(told.at)
      if (every === null || elapsed < every * alongShare) continue
      const target = elapsed >= every * earlyShare ? events : soon
      target.push({ what: 'repeated', entry })
    }
  }
  return events.some(({ what }) => what === 'repeated') ? [...events, ...soon] : events
}

/** Whether an entry says that a run could not do its work, and still cannot. */
function isFailure({ source, code, closedAt }: AlertEntry): boolean {
  const keys = code === 'key-missing' || code === 'wrong-key'
  return source === 'run' && closedAt === null && (code.endsWith('-failed') || keys)
}

/** Whether something is missing because of that failure. */
function explains({ job, destination }: AlertEntry, { code, subject }: AlertEntry): boolean {
  if (code === 'schedule-missed') return subject === job
  if (code === 'objects-not-verified') return isOfSetJob(job, 'verify', subject, destination)
  if (code === 'objects-missing') return isOfSetJob(job, 'copy', subject, destination)
  return code === 'never-verified' && job === 'verify' && (destination === null || destination === subject)
}

/** Whether that job of a set, failing as a whole or in a destination, is why this is so. Subjects: `uploads offsite`. */
function isOfSetJob(
  job: AlertEntry['job'],
  does: ObjectJob,
  subject: string | null,
  destination: string | null,
): boolean {
  const of = job === null ? undefined : setOfJob(job)
  const [set, at] = (subject ?? '').split(' ')
  return of?.does === does && of.set === set && (destination === null || at === undefined || destination === at)
}

function hears({ severities, jobs }: PolicyChannel, { severity, job }: AlertEntry): boolean {
  return severities.includes(severity) && (jobs === null || (job !== null && jobs.includes(kindOfJob(job))))
}
