import { BackupError } from '../../errors/backup-error.js'
import { type CronFields, cronFields } from './cron-fields.js'

const weekdayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/**
 * An expression as systemd's `OnCalendar` says it, with its zone. Where cron is content with one of two day fields, it
 * takes two lines.
 * @throws BackupError `config-invalid`
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd.time.html
 */
export function onCalendar(expression: string, zone: string): string[] {
  const fields = cronFields(expression)
  if (fields === undefined)
    throw new BackupError('config-invalid', `systemd has no words for ${JSON.stringify(expression)}`, {
      hint: 'use `lifeboat run`, or write an expression of numbers, ranges and steps, with 5L, 5#2 or L for days',
    })
  const time = `${two(fields.hours)}:${two(fields.minutes)}:${fields.seconds.length === 60 ? '*' : two(fields.seconds)}`
  return datesOf(fields).map(date => `${date} ${time} ${zone}`)
}

function datesOf({ days, months, weekdays, special }: CronFields): string[] {
  const month = two(months)
  const weekday = (some: readonly number[]) => some.map(one => weekdayNames[one]).join(',')
  if (special?.kind === 'last-day') return [`*-${month}~01`]
  // From the seventh day before the end on, each day: the last of that weekday is among them.
  if (special?.kind === 'last-weekday') return [`${weekday([special.weekday])} *-${month}~07/1`]
  if (special?.kind === 'nth-weekday') {
    const first = (special.nth - 1) * 7 + 1
    return [`${weekday([special.weekday])} *-${month}-${two([first])}..${two([Math.min(31, first + 6)])}`]
  }
  const byDay = `*-${month}-${two(days)}`
  if (weekdays === null) return [byDay]
  const byWeekday = `${weekday(weekdays)} *-${month}-*`
  return days === null ? [byWeekday] : [byDay, byWeekday]
}

function two(numbers: readonly number[] | null): string {
  return numbers === null ? '*' : numbers.map(one => String(one).padStart(2, '0')).join(',')
}
