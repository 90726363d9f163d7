import { z } from 'zod'
import { isJob, type Job } from '../config/jobs.js'

const time = z.iso.datetime()
const severity = z.enum(['critical', 'warning', 'info'])

const entrySchema = z.object({
  code: z.string().min(1).max(100),
  subject: z.string().max(400).nullable(),
  severity,
  message: z.string().max(2000),
  hint: z.string().max(1000).nullable(),
  since: time,
  /** When it was last found. */
  seenAt: time,
  /** When it was gone; null while it lasts. */
  closedAt: time.nullable(),
  /** When something of this entry was written last: of two copies the later one counts. */
  changedAt: time,
  /** Who tells of it: the status of the product, a run that failed, or a message that could not be sent. */
  source: z.enum(['status', 'run', 'channel']),
  job: z.custom<Job>(value => typeof value === 'string' && isJob(value)).nullable(),
  /** Of a run: where it failed; null where it failed as a whole. */
  destination: z.string().max(100).nullable(),
  /** Each channel that was told, when and how grave it was then; removed once it was told that it is over. */
  sent: z.record(z.string().max(100), z.object({ severity, at: time })),
})

/** Something that is wrong or lately was, and who knows of it. */
export type AlertEntry = z.output<typeof entrySchema>

/** What the store remembers of a product's alerts, so that any machine knows what was sent. */
export const alertStateSchema = z.object({
  version: z.literal(1),
  entries: z.array(entrySchema).max(1000),
  /** When messages went to each channel, within the last hour. */
  messages: z.record(z.string().max(100), z.array(time).max(200)),
})

export type AlertState = z.output<typeof alertStateSchema>

export const emptyAlertState: AlertState = Object.freeze({ version: 1, entries: [], messages: {} })

/** What stays the same while a finding lasts. */
export function entryKey({ code, subject }: Pick<AlertEntry, 'code' | 'subject'>): string {
  return `${code}\0${subject ?? ''}`
}

/** How long what is over is remembered: another place may still hold a copy in which it is not. */
const rememberedMs = 7 * 24 * 3_600_000
const hourMs = 3_600_000
const mostEntries = 500

/**
 * One memory out of several copies, of which some missed what was written while their store did not answer: of each
 * finding the one that was changed last.
 */
export function mergeStates(states: readonly AlertState[]): AlertState {
  const entries = new Map<string, AlertEntry>()
  const messages: Record<string, string[]> = {}
  for (const state of states) {
    for (const entry of state.entries) {
      const known = entries.get(entryKey(entry))
      if (known === undefined || known.changedAt < entry.changedAt) entries.set(entryKey(entry), entry)
    }
    for (const [channel, times] of Object.entries(state.messages))
      messages[channel] = [...new Set([...(messages[channel] ?? []), ...times])].sort()
  }
  return { version: 1, entries: [...entries.values()], messages }
}

/**
 * What is worth keeping: nothing of channels that are gone, nothing that was over a week ago, and no time much later
 * than now, which somebody could have written so that nothing is ever sent again.
 */
export function tidyState(state: AlertState, channels: readonly string[], now: Date): AlertState {
  // Clocks of other machines may be a little ahead.
  const latest = new Date(now.getTime() + hourMs).toISOString()
  const since = (ms: number) => new Date(now.getTime() - ms).toISOString()
  const known = <T>(record: Readonly<Record<string, T>>) =>
    Object.entries(record).filter(([name]) => channels.includes(name))
  const entries = state.entries
    .filter(({ source, subject }) => source !== 'channel' || channels.includes(subject ?? ''))
    .map(entry => ({
      ...entry,
      sent: Object.fromEntries(known(entry.sent).filter(([, one]) => one.at <= latest)),
    }))
    .filter(({ closedAt }) => closedAt === null || closedAt > since(rememberedMs))
    // Whoever fills it loses what is over first.
    .toSorted((a, b) => Number(a.closedAt !== null) - Number(b.closedAt !== null))
    .slice(0, mostEntries)
  const messages = known(state.messages).map(([name, times]) => [
    name,
    times.filter(one => one > since(hourMs) && one <= latest).slice(-100),
  ])
  return { version: 1, entries, messages: Object.fromEntries(messages) }
}
