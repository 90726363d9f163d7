/** Which day of a month, beside plain ones. */
export type SpecialDay =
  /** The last day of the month. */
  | { readonly kind: 'last-day' }
  /** The last of a weekday in the month: `5L`. */
  | { readonly kind: 'last-weekday'; readonly weekday: number }
  /** The n-th of a weekday in the month: `5#2`. */
  | { readonly kind: 'nth-weekday'; readonly weekday: number; readonly nth: number }

/** A cron expression taken apart: sorted numbers; null where it says `*`, any. */
export interface CronFields {
  readonly seconds: readonly number[]
  readonly minutes: readonly number[] | null
  readonly hours: readonly number[] | null
  readonly days: readonly number[] | null
  readonly months: readonly number[] | null
  /** 0 is Sunday. */
  readonly weekdays: readonly number[] | null
  readonly special: SpecialDay | null
}

const nicknames: Readonly<Record<string, string>> = {
  ...{ '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0' },
  ...{ '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *' },
}
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/**
 * Takes apart an expression that croner has accepted. Undefined where it says what other schedulers have no word for: a
 * working day (`15W`, `LW`), days that must fit both fields (`+5`), special days among others.
 */
export function cronFields(expression: string): CronFields | undefined {
  const parts = (nicknames[expression.trim().toLowerCase()] ?? expression).trim().replaceAll('?', '*').split(/\s+/)
  const [second, minute, hour, day, month, weekday] = parts.length === 5 ? ['0', ...parts] : parts
  const special = specialDay(day!, weekday!)
  if (special === undefined) return undefined
  const days = special?.kind === 'last-day' ? null : numbers(day!, 1, 31)
  const weekdays =
    special !== null && special.kind !== 'last-day'
      ? null
      : numbers(named(weekday!, dayNames, 0), 0, 7)?.map(one => one % 7)
  return {
    seconds: numbers(second!, 0, 59) ?? Array.from({ length: 60 }, (_, at) => at),
    minutes: numbers(minute!, 0, 59),
    hours: numbers(hour!, 0, 23),
    days,
    months: numbers(named(month!, monthNames, 1), 1, 12),
    weekdays: weekdays == null ? null : sorted(weekdays),
    special,
  }
}

/** Null: there is none. Undefined: one that nothing else can say. */
function specialDay(day: string, weekday: string): SpecialDay | null | undefined {
  const numbered = named(weekday, dayNames, 0)
  if (/w/i.test(day) || weekday.startsWith('+')) return undefined
  const last = /^([0-7])L$/i.exec(numbered)
  const nth = /^([0-7])#([1-5])$/.exec(numbered)
  const odd = /[l#]/i
  if (last && day === '*') return { kind: 'last-weekday', weekday: Number(last[1]) % 7 }
  if (nth && day === '*') return { kind: 'nth-weekday', weekday: Number(nth[1]) % 7, nth: Number(nth[2]) }
  if (/^L$/i.test(day) && numbered === '*') return { kind: 'last-day' }
  return odd.test(day) || odd.test(numbered) ? undefined : null
}

function named(field: string, names: readonly string[], first: number): string {
  return names
    .reduce((text, name, at) => text.replace(new RegExp(name, 'gi'), String(at + first)), field)
    .replace(/-0\b/, '-7')
}

function numbers(field: string, least: number, most: number): number[] | null {
  if (field === '*') return null
  const found = field.split(',').flatMap(part => {
    const [range, step] = part.split('/')
    const [from, to] = range === '*' ? [least, most] : range!.split('-').map(Number)
    const last = to ?? from!
    return Array.from(
      { length: Math.floor((last - from!) / Number(step ?? 1)) + 1 },
      (_, at) => from! + at * Number(step ?? 1),
    )
  })
  return sorted(found)
}

function sorted(found: readonly number[]): number[] {
  return [...new Set(found)].sort((a, b) => a - b)
}
