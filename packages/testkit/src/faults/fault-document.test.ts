import { describe, expect, it } from 'vitest'
import { judgeRun, renderFaults, withoutTimes } from './fault-document.js'
import { type Fault, faultTable } from './fault-table.js'

const table: Fault[] = [
  { number: 1, words: 'the lamp goes out', caughtAt: ['backup', 'listed'] },
  { number: 2, words: 'the tide turns', caughtAt: ['restored'], open: 'nobody looks' },
]
const one = { fault: 1, made: 'by wind', level: 'backup', caughtBy: ['dump-failed'], ms: 12.4 } as const
const two = { fault: 1, made: 'by rain', level: 'listed', caughtBy: ['artifact-length'], ms: 3 } as const
const healthy = (['listed', 'stored', 'content'] as const).map(level => ({
  ...{ healthy: 'writers', level, checks: 4, falseAlarms: 0 },
}))

describe('a run of the fault tests', () => {
  it('is sound when every row of the table was caught at every level', () => {
    expect(judgeRun(table, { faults: [one, two], healthy })).toEqual([])
  })

  it.each<[string, Parameters<typeof judgeRun>[1], string]>([
    ['a level is missing', { faults: [one], healthy }, '1 (the lamp goes out): nothing at listed'],
    [
      'nothing caught a fault',
      { faults: [one, { ...two, caughtBy: [] }], healthy },
      '1 (by rain): not caught at listed',
    ],
    ['a fault is unknown', { faults: [one, two, { ...one, fault: 7 }], healthy }, '7 (by wind) is not in the table'],
    [
      'an open fault is caught',
      { faults: [one, two, { ...one, fault: 2, level: 'restored' }], healthy },
      '2 is caught at restored but marked as open',
    ],
    [
      'nothing healthy was looked at',
      { faults: [one, two], healthy: healthy.slice(1) },
      'no healthy backup was verified at listed',
    ],
    [
      'a level cried wolf',
      { faults: [one, two], healthy: [{ ...healthy[0]!, falseAlarms: 1 }, ...healthy.slice(1)] },
      '1 false alarms at listed (writers)',
    ],
  ])('is not when %s', (_, run, problem) => {
    expect(judgeRun(table, run)).toEqual([problem])
  })
})

describe('the document', () => {
  it('differs by what caught a fault, not by how long it took', () => {
    const written = renderFaults(table, { faults: [two, one], healthy })
    const slower = renderFaults(table, { faults: [{ ...one, ms: 900 }, two], healthy })
    const other = renderFaults(table, { faults: [{ ...one, caughtBy: ['archive-truncated'] }, two], healthy })
    expect(written).toContain('| 1 | by wind | backup | `dump-failed` | 12 |')
    expect(slower).not.toBe(written)
    expect(withoutTimes(slower)).toBe(withoutTimes(written))
    expect(withoutTimes(other)).not.toBe(withoutTimes(written))
  })

  it('says what is open', () => {
    expect(renderFaults(table, { faults: [one, two], healthy })).toContain('Open: 2, the tide turns: nobody looks.')
  })
})

it('the table numbers its faults from 1 to 25', () => {
  expect(faultTable.map(one => one.number)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1))
})
