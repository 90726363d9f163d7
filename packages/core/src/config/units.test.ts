import { describe, expect, it } from 'vitest'
import { formatDuration, parseDurationMs, parseSizeBytes } from './units.js'

describe('parseDurationMs', () => {
  it.each([
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
    ['1.5h', 5_400_000],
    ['10 minutes', 600_000],
    ['500ms', 500],
  ])('reads %s', (text, value) => {
    expect(parseDurationMs(text)).toBe(value)
  })

  it.each(['', '30', 'd', '-1d', '1d 2h', '30 fortnights', '1e3s', ' 1d', '6M', `${'9'.repeat(200)}d`])(
    'does not take %j for a duration',
    text => {
      expect(parseDurationMs(text)).toBeUndefined()
    },
  )
})

describe('formatDuration', () => {
  it.each([
    [2_592_000_000, '30d'],
    [5_400_000, '90m'],
    [90_000_000, '25h'],
    [61_000, '61s'],
    [1_500, '1500ms'],
  ])('writes %i as %s', (value, text) => {
    expect(formatDuration(value)).toBe(text)
    expect(parseDurationMs(text)).toBe(value)
  })
})

describe('parseSizeBytes', () => {
  it.each([
    ['0B', 0],
    ['10MB', 10_485_760],
    ['1.5 gb', 1_610_612_736],
    ['2TB', 2_199_023_255_552],
  ])('reads %s', (text, value) => {
    expect(parseSizeBytes(text)).toBe(value)
  })

  it.each(['', '10', 'MB', '-1MB', '10 MiB', '1,5MB', `${'9'.repeat(400)}MB`])('does not take %j for a size', text => {
    expect(parseSizeBytes(text)).toBeUndefined()
  })
})
