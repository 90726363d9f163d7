import { Cron } from 'croner'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs
/** A little more than a minute, an hour, a day, a week, a month, a year, and two leap years with none between them. */
const lookingBackMs = [61_000, hourMs + 1000, dayMs + 2 * hourMs, 8 * dayMs, 32 * dayMs, 367 * dayMs, 9 * 366 * dayMs]

/**
 * When the expression is due next, after an instant and never at it. Undefined: never again.
 * @param zone of the expression: `UTC`, `Europe/Berlin`
 */
export function nextRun(expression: string, zone: string, after: Date): Date | undefined {
  const cron = parsed(expression, zone)
  let from = clocksChangeNear(zone, after) ? before(after, 3 * hourMs) : after
  for (;;) {
    const next = cron.nextRun(from)
    if (next === null) return undefined
    if (next > after) return next
    from = next > from ? next : before(from, -hourMs / 2)
  }
}

/** The newest instant at which the expression was due, at the latest now. Undefined: not in nine years. */
export function lastDue(expression: string, zone: string, now: Date): Date | undefined {
  // croner's own look backwards loses itself in leap years and at a change of the clocks; forwards it is right.
  let last: Date | undefined
  for (const windowMs of lookingBackMs) {
    let next = nextRun(expression, zone, before(now, windowMs))
    while (next !== undefined && next <= now) {
      last = next
      next = nextRun(expression, zone, next)
    }
    if (last !== undefined) break
  }
  return last
}

/**
 * The instants after `after`, up to and with `until`, at which the expression was due, oldest first. A run that came late
 * stands for all of them.
 * @param limit how many are listed at most. Default: 1000
 */
export function missedRuns(
  expression: string,
  zone: string,
  { after, until }: { readonly after: Date; readonly until: Date },
  limit = 1000,
): Date[] {
  const missed: Date[] = []
  let next = nextRun(expression, zone, after)
  while (next !== undefined && next <= until && missed.length < limit) {
    missed.push(next)
    next = nextRun(expression, zone, next)
  }
  return missed
}

/** Five fields, or six with seconds first; `@daily` and the like. @throws Error that says what is wrong */
export function parse(expression: string, zone: string): Cron {
  // croner takes what holds a colon for one instant.
  if (expression.includes(':')) throw new Error('it is an instant, and would be due once')
  // Without the calendar of a zone it is several times as fast.
  const place = zone === 'UTC' ? { utcOffset: 0 } : { timezone: zone }
  return new Cron(expression, { paused: true, mode: '5-or-6-parts', ...place })
}

/** More than anybody writes; beyond that it begins anew. */
const mostParsed = 1000
const known = new Map<string, Cron>()

/** Parsed once: a look at a fleet asks the same few expressions many thousand times. It holds no state of its own. */
function parsed(expression: string, zone: string): Cron {
  const key = `${expression}\0${zone}`
  const cron = known.get(key) ?? parse(expression, zone)
  if (known.size >= mostParsed) known.clear()
  known.set(key, cron)
  return cron
}

/**
 * croner counts in local time. From within an hour that a zone skips or repeats it finds what is past, or passes over what
 * is to come; from before that it is right: once, after an hour that is skipped, and at the first of two.
 */
function clocksChangeNear(zone: string, instant: Date): boolean {
  if (zone === 'UTC') return false
  const offsetAt = (at: Date) =>
    offsets(zone)
      .formatToParts(at)
      .find(part => part.type === 'timeZoneName')?.value
  return offsetAt(before(instant, 3 * hourMs)) !== offsetAt(before(instant, -3 * hourMs))
}

const formats = new Map<string, Intl.DateTimeFormat>()

function offsets(zone: string): Intl.DateTimeFormat {
  const format =
    formats.get(zone) ?? new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset', hour: 'numeric' })
  formats.set(zone, format)
  return format
}

function before(instant: Date, byMs: number): Date {
  return new Date(instant.getTime() - byMs)
}
