import { describe, expect, it } from 'vitest'
import { isSound } from '../verify/finding.js'
import { judgeObjectives, spoken } from './judge-objectives.js'

const measured = { ageMs: 3_600_000, recoveryMs: 40_000, totalMs: 90_000 }

describe('judgeObjectives', () => {
  it('says nothing where nothing is promised', () => {
    const { objectives, findings } = judgeObjectives(measured, { rpoMs: undefined, rtoMs: undefined })
    expect(findings).toEqual([])
    expect(objectives).toEqual({ ...measured, rpoMs: null, rpoMet: null, rtoMs: null, rtoMet: null })
  })

  it('counts a promise that is kept to the millisecond as kept', () => {
    const { objectives, findings } = judgeObjectives(measured, { rpoMs: 3_600_000, rtoMs: 90_000 })
    expect(findings).toEqual([])
    expect(objectives).toMatchObject({ rpoMet: true, rtoMet: true })
  })

  it('names what was missed, and holds neither against the backup', () => {
    const { objectives, findings } = judgeObjectives(measured, { rpoMs: 1_800_000, rtoMs: 89_999 })
    expect(findings.map(one => one.message)).toEqual([
      'the data were 1 h old when the drill began; the RPO is 30 min',
      'the drill took 1.5 min; the RTO is 1.5 min',
    ])
    expect(objectives).toMatchObject({ rpoMet: false, rtoMet: false })
    expect(isSound(findings)).toBe(true)
  })
})

describe('spoken', () => {
  it('is short', () => {
    expect([400, 12_300, 200_000, 93_600_000].map(spoken)).toEqual(['0.4 s', '12 s', '3.3 min', '26 h'])
  })
})
