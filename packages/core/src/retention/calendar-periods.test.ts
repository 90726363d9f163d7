import { describe, expect, it } from 'vitest'
import { calendarPeriods, periodIndex, periodName } from './calendar-periods.js'

describe('periodName', () => {
  it('names every kind of period', () => {
    const time = new Date('2026-11-20T14:59:59.999Z')
    expect(periodName('hourly', time)).toBe('2026-11-20 14:00')
    expect(periodName('daily', time)).toBe('2026-11-20')
    expect(periodName('weekly', time)).toBe('2026-W47')
    expect(periodName('monthly', time)).toBe('2026-11')
    expect(periodName('yearly', time)).toBe('2026')
  })

  it.each([
    ['2026-12-27T23:59:59Z', '2026-W52'],
    ['2026-12-28T00:00:00Z', '2026-W53'],
    ['2027-01-03T23:59:59Z', '2026-W53'],
    ['2027-01-04T00:00:00Z', '2027-W01'],
    ['2024-12-30T00:00:00Z', '2025-W01'],
    ['2021-01-01T12:00:00Z', '2020-W53'],
    ['2023-01-01T12:00:00Z', '2022-W52'],
    ['2028-02-29T12:00:00Z', '2028-W09'],
  ])('puts %s into the ISO week %s', (time, week) => {
    expect(periodName('weekly', new Date(time))).toBe(week)
  })

  it('counts in UTC whatever zone the time was written in', () => {
    expect(periodName('daily', new Date('2026-11-20T23:30:00-05:00'))).toBe('2026-11-21')
    expect(periodName('hourly', new Date('2026-10-25T02:30:00+02:00'))).toBe('2026-10-25 00:00')
  })
})

describe('periodIndex', () => {
  it.each(calendarPeriods)('%s is equal exactly when the name is, over thousands of neighbouring times', period => {
    const hourMs = 3_600_000
    for (let ms = Date.UTC(1968, 11, 20); ms < Date.UTC(2032, 0, 20); ms += 7 * hourMs + 1) {
      const [one, next] = [new Date(ms), new Date(ms + 5 * hourMs)]
      const sameName = periodName(period, one) === periodName(period, next)
      expect(periodIndex(period, one) === periodIndex(period, next)).toBe(sameName)
    }
  })
})
