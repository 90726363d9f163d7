import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { judgeRun, renderFaults, withoutTimes } from './fault-document.js'
import { readResults } from './fault-results.js'
import { faultTable } from './fault-table.js'

/*
 * The last part of `pnpm test`: it looks at what all the other parts recorded. `pnpm run faults:write` runs it, too, and
 * has it write the document before it compares.
 */

const file = new URL('../../../../docs/faults.md', import.meta.url)

describe('the faults of this test run', () => {
  it('were all made, and all caught, without one false alarm', () => {
    expect(judgeRun(faultTable, readResults())).toEqual([])
  })

  it('are those of docs/faults.md, caught by the same codes', async () => {
    const document = renderFaults(faultTable, readResults())
    const sound = judgeRun(faultTable, readResults()).length === 0
    if (sound && process.env.LIFEBOAT_WRITE_FAULTS === '1') await writeFile(file, document)
    // Where this differs on purpose: pnpm run faults:write
    expect(withoutTimes(document)).toBe(withoutTimes(await readFile(file, 'utf8')))
  })
})
