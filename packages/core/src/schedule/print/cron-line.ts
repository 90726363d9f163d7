import { BackupError } from '../../errors/backup-error.js'
import { type CronFields, cronFields } from './cron-fields.js'

/** The five fields of plain cron, and what must hold besides, as a condition for a shell. */
export interface CronLine {
  readonly fields: string
  readonly guard: string | null
}

/**
 * An expression as plain cron understands it, in its own zone. The last or the n-th of a weekday, and a month's last day,
 * become a condition that the shell looks at, in that zone.
 * @throws BackupError `config-invalid`
 */
export function cronLine(expression: string, zone: string): CronLine {
  const fields = plainFields(expression)
  return { fields: written(fields, dayFields(fields)), guard: guardOf(fields, zone) }
}

/**
 * The same in UTC, for schedulers that know no other; of a zone that never changes its clocks. It may take several lines.
 * @throws BackupError `config-invalid`
 */
export function cronLinesInUtc(expression: string, zone: string, now: Date): CronLine[] {
  const offset = fixedOffset(zone, now)
  if (offset === undefined)
    throw new BackupError('config-invalid', `this scheduler knows UTC only, and ${zone} changes its clocks`, {
      hint: 'write the schedule in UTC, or use one that knows zones: systemd, Kubernetes, or lifeboat run',
    })
  if (offset === 0) return [cronLine(expression, zone)]
  const fields = plainFields(expression)
  const guard = guardOf(fields, zone)
  const anyDay = fields.days === null && fields.months === null && fields.weekdays === null && fields.special === null
  const moved = new Map<string, { shift: number; hours: Set<number>; minutes: string }>()
  for (const [shift, byHour] of minutesInUtc(fields, offset, anyDay))
    for (const [hour, minutes] of byHour) {
      const list = written60(minutes)
      const line = moved.get(`${shift} ${list}`) ?? { shift, hours: new Set(), minutes: list }
      moved.set(`${shift} ${list}`, { ...line, hours: line.hours.add(hour) })
    }
  return [...moved.values()].map(({ shift, hours, minutes }) => ({
    fields: `${minutes} ${hours.size === 24 ? '*' : joined([...hours].sort((a, b) => a - b))} ${shiftedDays(fields, shift, expression, zone)}`,
    guard,
  }))
}

/** Minutes of each hour in UTC, by how many days they move. */
function minutesInUtc(fields: CronFields, offset: number, anyDay: boolean) {
  const shifted = new Map<number, Map<number, number[]>>()
  for (const hour of fields.hours ?? upTo(24))
    for (const minute of fields.minutes ?? upTo(60)) {
      const at = hour * 60 + minute - offset
      const shift = anyDay ? 0 : Math.floor(at / 1440)
      const inDay = ((at % 1440) + 1440) % 1440
      const byHour = shifted.get(shift) ?? new Map<number, number[]>()
      shifted.set(shift, byHour)
      byHour.set(Math.floor(inDay / 60), [...(byHour.get(Math.floor(inDay / 60)) ?? []), inDay % 60])
    }
  return shifted
}

function shiftedDays(fields: CronFields, shift: number, expression: string, zone: string): string {
  if (shift === 0) return dayFields(fields)
  if (fields.days !== null || fields.months !== null || fields.special?.kind === 'last-day')
    throw new BackupError(
      'config-invalid',
      `${JSON.stringify(expression)} in ${zone} falls on another day of the month in UTC`,
      {
        hint: 'write it in UTC',
      },
    )
  const weekdays = weekdaysOf(fields)
  return `* * ${weekdays === null ? '*' : joined(weekdays.map(day => (day + shift + 7) % 7).sort((a, b) => a - b))}`
}

function plainFields(expression: string): CronFields {
  const fields = cronFields(expression)
  const why =
    fields === undefined
      ? 'says something that only `lifeboat run` and `lifeboat worker` understand'
      : fields.seconds.length !== 1 || fields.seconds[0] !== 0
        ? 'is finer than a minute'
        : undefined
  if (fields === undefined || why !== undefined)
    throw new BackupError('config-invalid', `${JSON.stringify(expression)} ${why}`, {
      hint: 'use `lifeboat run`, or write an expression of five fields of numbers, ranges and steps, with 5L, 5#2 or L for days',
    })
  return fields
}

function written(fields: CronFields, days: string): string {
  const { minutes, hours } = fields
  return `${minutes === null ? '*' : written60(minutes)} ${hours === null ? '*' : joined(hours)} ${days}`
}

function written60(minutes: readonly number[]): string {
  return minutes.length === 60 ? '*' : joined([...minutes].sort((a, b) => a - b))
}

// Lists throughout: what begins with a `*`, as `*/2`, makes some crons want both day fields to fit, where one is enough.
function dayFields(fields: CronFields): string {
  const { days, months } = fields
  const day = fields.special?.kind === 'last-day' ? '28,29,30,31' : days === null ? '*' : joined(days)
  const weekdays = weekdaysOf(fields)
  return `${day} ${months === null ? '*' : joined(months)} ${weekdays === null ? '*' : joined(weekdays)}`
}

function weekdaysOf({ special, weekdays }: CronFields): readonly number[] | null {
  return special === null || special.kind === 'last-day' ? weekdays : [special.weekday]
}

function guardOf({ special }: CronFields, zone: string): string | null {
  const at = (format: string, seconds = 0) =>
    seconds === 0
      ? `$(TZ=${zone} date +${format})`
      : `$(TZ=${zone} date -d "@$(($(date +%s) + ${seconds}))" +${format})`
  // Both dates of GNU and of busybox read @seconds.
  if (special === null) return null
  if (special.kind === 'last-day') return `[ "${at('%m')}" != "${at('%m', 86_400)}" ]`
  if (special.kind === 'last-weekday') return `[ "${at('%m')}" != "${at('%m', 7 * 86_400)}" ]`
  // A leading zero would make it octal.
  return `[ "$(((1$(TZ=${zone} date +%d) - 101) / 7 + 1))" -eq ${special.nth} ]`
}

/** Minutes east of UTC; undefined where they are not the same all the year, this year and the next. */
export function fixedOffset(zone: string, now: Date): number | undefined {
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
  const offsets = upTo(24).map(month => {
    const at = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + month, 1))
    const name = format.formatToParts(at).find(part => part.type === 'timeZoneName')?.value ?? 'GMT'
    const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? []
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
  })
  return new Set(offsets).size === 1 ? offsets[0]! + 0 : undefined
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at)
}

function joined(numbers: readonly number[]): string {
  return numbers.join(',')
}
