const dayMs = 24 * 60 * 60 * 1000

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

function isoWeek(time: Date): string {
  const daysSinceMonday = (time.getUTCDay() + 6) % 7
  const thursday = new Date(time.getTime() + (3 - daysSinceMonday) * dayMs)
  const dayOfYear = Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / dayMs)
  return `${digits(thursday.getUTCFullYear(), 4)}-W${digits(Math.floor(dayOfYear / 7) + 1, 2)}`
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
