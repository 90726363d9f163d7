import { describe, expect, it } from 'vitest'
import { lastDue, missedRuns, nextRun } from './due-times.js'

const at = (text: string) => new Date(text)

describe('the next run', () => {
  it('comes after the instant, never at it', () => {
    expect(nextRun('0 2 * * *', 'UTC', at('2026-11-25T01:59:59.999Z'))).toEqual(at('2026-11-25T02:00:00Z'))
    expect(nextRun('0 2 * * *', 'UTC', at('2026-11-25T02:00:00Z'))).toEqual(at('2026-11-26T02:00:00Z'))
  })

  it('is in the zone, with its summer time', () => {
    expect(nextRun('0 2 * * *', 'Europe/Berlin', at('2026-01-10T12:00:00Z'))).toEqual(at('2026-01-11T01:00:00Z'))
    expect(nextRun('0 2 * * *', 'Europe/Berlin', at('2026-07-10T12:00:00Z'))).toEqual(at('2026-07-11T00:00:00Z'))
  })

  it('knows the last Friday of a month, and the last day', () => {
    expect(nextRun('0 10 * * 5L', 'UTC', at('2026-11-25T00:00:00Z'))).toEqual(at('2026-11-27T10:00:00Z'))
    expect(nextRun('0 10 L * *', 'UTC', at('2027-02-10T00:00:00Z'))).toEqual(at('2027-02-28T10:00:00Z'))
  })

  it('is once in the hour that summer time skips, and once in the hour that it repeats', () => {
    const march = missedRuns('30 2 * * *', 'Europe/Berlin', {
      ...{ after: at('2026-03-28T12:00:00Z'), until: at('2026-03-30T12:00:00Z') },
    })
    expect(march).toEqual([at('2026-03-29T01:30:00Z'), at('2026-03-30T00:30:00Z')])
    const october = missedRuns('30 2 * * *', 'Europe/Berlin', {
      ...{ after: at('2026-10-24T12:00:00Z'), until: at('2026-10-26T12:00:00Z') },
    })
    expect(october).toEqual([at('2026-10-25T00:30:00Z'), at('2026-10-26T01:30:00Z')])
  })

  it('never lies in the past, from any minute around the change of the clocks', () => {
    for (const expression of ['30 2 * * *', '*/20 * * * *', '0 3 * * *'])
      for (const change of ['2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z'])
        for (let minute = -180; minute <= 180; minute += 29) {
          const now = new Date(Date.parse(change) + minute * 60_000)
          expect(nextRun(expression, 'Europe/Berlin', now)! > now, `${expression} after ${now.toISOString()}`).toBe(
            true,
          )
        }
  })

  it('is never where no day fits', () => {
    expect(nextRun('0 0 30 2 *', 'UTC', at('2026-01-01T00:00:00Z'))).toBeUndefined()
  })
})

describe('what was due last', () => {
  it('is due at its very instant', () => {
    expect(lastDue('0 2 * * *', 'UTC', at('2026-11-25T02:00:00.000Z'))).toEqual(at('2026-11-25T02:00:00Z'))
    expect(lastDue('0 2 * * *', 'UTC', at('2026-11-25T02:00:00.400Z'))).toEqual(at('2026-11-25T02:00:00Z'))
    expect(lastDue('0 2 * * *', 'UTC', at('2026-11-25T01:59:59.999Z'))).toEqual(at('2026-11-24T02:00:00Z'))
  })

  it('may be long ago', () => {
    expect(lastDue('0 10 * * 5L', 'UTC', at('2026-11-25T00:00:00Z'))).toEqual(at('2026-10-30T10:00:00Z'))
    expect(lastDue('0 0 29 2 *', 'UTC', at('2027-11-25T00:00:00Z'))).toEqual(at('2024-02-29T00:00:00Z'))
  })

  it('is followed by a run that is not due yet, from any minute around the change of the clocks', () => {
    for (const expression of ['30 2 * * *', '*/20 * * * *', '0 3 * * *'])
      for (const change of ['2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z'])
        for (let minute = -180; minute <= 180; minute += 29) {
          const now = new Date(Date.parse(change) + minute * 60_000)
          const last = lastDue(expression, 'Europe/Berlin', now)!
          expect(last <= now, `${expression} at ${now.toISOString()}`).toBe(true)
          expect(nextRun(expression, 'Europe/Berlin', last)! > now, `${expression} at ${now.toISOString()}`).toBe(true)
        }
  })
})

describe('missed runs', () => {
  it('are those after one instant, up to another', () => {
    const window = { after: at('2026-11-20T02:00:00Z'), until: at('2026-11-23T02:00:00Z') }
    expect(missedRuns('0 2 * * *', 'UTC', window).map(run => run.toISOString().slice(0, 10))).toEqual([
      ...['2026-11-21', '2026-11-22', '2026-11-23'],
    ])
    expect(missedRuns('* * * * *', 'UTC', window, 5)).toHaveLength(5)
  })
})

it('refuses what would be due once, and a field for years', () => {
  expect(() => nextRun('2026-12-01T00:00:00', 'UTC', at('2026-01-01T00:00:00Z'))).toThrow('once')
  expect(() => nextRun('0 0 0 1 1 * 2027', 'UTC', at('2026-01-01T00:00:00Z'))).toThrow('parts')
})
