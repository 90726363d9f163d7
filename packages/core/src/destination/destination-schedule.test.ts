import { describe, expect, it } from 'vitest'
import { destinationTurn, isBehind, longestPeriodMs, rpoAt } from './destination-schedule.js'

const backup = (createdAt: string) => ({ id: createdAt.slice(0, 10), createdAt })
const at = (text: string) => new Date(text)

describe('the turn of a destination', () => {
  it('is always, without a schedule', () => {
    expect(destinationTurn(undefined, [backup('2026-11-21T02:00:00Z')], at('2026-11-21T03:00:00Z'))).toEqual({
      due: true,
    })
  })

  it('comes once a month, and again when the next one begins', () => {
    const monthly = { every: 'monthly' } as const
    expect(destinationTurn(monthly, [], at('2026-11-01T02:00:00Z'))).toEqual({ due: true })
    const has = [backup('2026-11-01T02:00:00Z'), backup('2026-10-01T02:00:00Z')]
    expect(destinationTurn(monthly, has, at('2026-11-30T23:59:59.999Z'))).toEqual({
      ...{ due: false, period: '2026-11', has: '2026-11-01', next: at('2026-12-01T00:00:00Z') },
    })
    expect(destinationTurn(monthly, has, at('2026-12-01T00:00:00Z'))).toEqual({ due: true })
  })

  it('is made up for by the next night when the first of a period failed', () => {
    const has = [backup('2026-10-01T02:00:00Z')]
    expect(destinationTurn({ every: 'monthly' }, has, at('2026-11-02T02:00:00Z'))).toEqual({ due: true })
  })

  it.each([
    ['daily', '2026-11-21T00:00:00Z', '2026-11-21T23:00:00Z', '2026-11-21', '2026-11-22T00:00:00Z'],
    ['weekly', '2026-12-28T00:00:00Z', '2027-01-03T23:00:00Z', 'the week from 2026-12-28', '2027-01-04T00:00:00Z'],
    ['monthly', '2026-12-31T00:00:00Z', '2026-12-31T23:00:00Z', '2026-12', '2027-01-01T00:00:00Z'],
    ['yearly', '2026-01-01T00:00:00Z', '2026-12-31T23:00:00Z', '2026', '2027-01-01T00:00:00Z'],
  ] as const)('%s: a backup of %s serves until the period ends', (every, made, now, period, next) => {
    const turn = destinationTurn({ every }, [backup(made)], at(now))
    expect(turn).toEqual({ due: false, period, has: made.slice(0, 10), next: at(next) })
    expect(destinationTurn({ every }, [backup(made)], at(next))).toEqual({ due: true })
    const before = new Date(at(made).getTime() - 7 * 24 * 3_600_000)
    if (every !== 'monthly' && every !== 'yearly')
      expect(destinationTurn({ every }, [backup(before.toISOString())], at(now))).toEqual({ due: true })
  })

  it('does not count what is dated after the period', () => {
    expect(destinationTurn({ every: 'daily' }, [backup('2026-11-22T00:00:00Z')], at('2026-11-21T02:00:00Z'))).toEqual({
      due: true,
    })
  })

  it('leaves it behind only when it lacks what it should have', () => {
    const newest = backup('2026-11-21T02:00:00Z')
    const monthly = { every: 'monthly' } as const
    expect(isBehind(undefined, [newest], newest)).toBe(false)
    expect(isBehind(undefined, [backup('2026-11-20T02:00:00Z')], newest)).toBe(true)
    expect(isBehind(monthly, [backup('2026-11-02T02:00:00Z')], newest)).toBe(false)
    expect(isBehind(monthly, [backup('2026-10-02T02:00:00Z')], newest)).toBe(true)
  })

  it('adds its period to the RPO', () => {
    const day = 24 * 3_600_000
    expect(rpoAt({ objectives: {} }, {})).toBeUndefined()
    expect(rpoAt({ objectives: { rpo: day } }, undefined)).toBe(day)
    expect(rpoAt({ objectives: { rpo: day } }, { schedule: { every: 'weekly' } })).toBe(8 * day)
  })

  it('tells how old the newest may become', () => {
    expect(longestPeriodMs(undefined)).toBeUndefined()
    expect(longestPeriodMs({ every: 'weekly' })).toBe(7 * 24 * 3_600_000)
  })
})
