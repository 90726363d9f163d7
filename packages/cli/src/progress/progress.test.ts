import { describe, expect, it } from 'vitest'
import { createProgress } from './progress.js'
import { barLine, stageLine } from './stage-line.js'

const MB = 1024 * 1024
const state = { stage: 'dump', doneBytes: 25 * MB, totalBytes: 100 * MB, bytesPerSecond: 5 * MB }

describe('progress', () => {
  it('says share, throughput and time left', () => {
    expect(stageLine(state)).toBe('25.0 MB of 100 MB (25 %), 5.0 MB/s, 15.0 s left')
    expect(barLine(state, 100)).toBe('dump    ██████░░░░░░░░░░░░░░░░░░ 25.0 MB of 100 MB (25 %), 5.0 MB/s, 15.0 s left')
  })

  it('says of a restore how many tables are in, besides bytes and time left', () => {
    const restoring = { ...state, stage: 'restore', detail: '3 of 17 tables' }
    expect(stageLine(restoring)).toBe('25.0 MB of 100 MB (25 %), 5.0 MB/s, 15.0 s left, 3 of 17 tables')
  })

  it('promises no end where the total is unknown or was an underestimate', () => {
    expect(stageLine({ ...state, totalBytes: null })).toBe('25.0 MB, 5.0 MB/s')
    expect(stageLine({ ...state, doneBytes: 120 * MB })).toBe('120 MB of 120 MB (99 %), 5.0 MB/s')
  })

  it('is a plain line every ten seconds when stderr is no terminal', () => {
    const lines: string[] = []
    let seconds = 0
    const progress = createProgress({
      stderr: { isTTY: false, write: () => {} },
      quiet: false,
      now: () => new Date(seconds * 1000),
      say: line => lines.push(line),
      warn: () => {},
    })
    for (seconds = 0; seconds <= 25; seconds++) {
      progress.onEvent({ type: 'stage.progressed', stage: 'dump', doneBytes: seconds * MB, totalBytes: 100 * MB })
    }
    expect(lines).toEqual([
      'dump: 10.0 MB of 100 MB (10 %), 1.0 MB/s, 1 min 30 s left',
      'dump: 20.0 MB of 100 MB (20 %), 1.0 MB/s, 1 min 20 s left',
    ])
  })
})
