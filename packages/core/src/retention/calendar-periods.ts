const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

/** The calendar periods that a retention rule counts in. */
export const calendarPeriods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
export type CalendarPeriod = (typeof calendarPeriods)[number]

/**
 * The name of the period that `time` falls in, in UTC: `2026-11-20 14:00`, `2026-11-20`, `2026-W47`, `2026-11`, `2026`.
 * Two times are in the same period exactly when the names are equal. Weeks are those of ISO 8601: they begin on
 * Monday, and belong to the year their Thursday is in.
 */
export function periodName(period: CalendarPeriod, time: Date): string {
  const year = digits(time.getUTCFullYear(), 4)
  const month = `${year}-${digits(time.getUTCMonth() + 1, 2)}`
  const day = `${month}-${digits(time.getUTCDate(), 2)}`
  switch (period) {
    case 'hourly':
      return `${day} ${digits(time.getUTCHours(), 2)}:00`
    case 'daily':
      return day
    case 'weekly':
      return isoWeek(time)
    case 'monthly':
      return month
    case 'yearly':
      return year
  }
}

/**
 * A number for the same period: equal exactly when the names are, and much quicker to have. Planning compares many
 * times and names few.
 */
export function periodIndex(period: CalendarPeriod, time: Date): number {
  const ms = time.getTime()
  switch (period) {
    case 'hourly':
      return Math.floor(ms / hourMs)
    case 'daily':
      return Math.floor(ms / dayMs)
    case 'weekly':
      // 1970-01-01 was a Thursday, three days into its week.
      return Math.floor((Math.floor(ms / dayMs) + 3) / 7)
    case 'monthly':
      return time.getUTCFullYear() * 12 + time.getUTCMonth()
    case 'yearly':
      return time.getUTCFullYear()
  }
}

function isoWeek(time: Date): string {
  const daysSinceMonday = (time.getUTCDay() + 6) % 7
  const thursday = new Date(time.getTime() + (3 - daysSinceMonday) * dayMs)
  const dayOfYear = Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / dayMs)
  return `${digits(thursday.getUTCFullYear(), 4)}-W${digits(Math.floor(dayOfYear / 7) + 1, 2)}`
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
