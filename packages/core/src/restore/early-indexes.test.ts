import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { ArchiveScanner } from '../archive/archive-scanner.js'
import { planEarlyIndexes, tableName } from './early-indexes.js'
import { WorkAhead } from './work-ahead.js'

function entriesOf(major: number): readonly ArchiveEntry[] {
  const scanner = new ArchiveScanner()
  scanner.push(readFileSync(new URL(`../archive/testdata/pg${major}.dump`, import.meta.url)))
  return scanner.finish().toc!.entries
}

const base = entriesOf(17)[0]!
const entry = (dumpId: number, description: string, dependencies: readonly number[], tag = 't'): ArchiveEntry => ({
  ...{ ...base, dumpId, description, tag, namespace: 's', dependencies: [...dependencies] },
  section: description === 'TABLE' || description === 'FUNCTION' ? 'pre-data' : 'post-data',
})

describe('indexes that need nothing but their table', () => {
  it.each([15, 17, 18])('are found in an archive of pg_dump %s, and no foreign key, trigger or policy is', major => {
    const early = [...planEarlyIndexes(entriesOf(major)).values()].flat()
    expect(early.length).toBeGreaterThan(3)
    expect(new Set(early.map(one => one.description))).toEqual(new Set(['CONSTRAINT', 'INDEX']))
    for (const one of early) expect(one.section).toBe('post-data')
  })

  it('are not those of a function, or of a partitioned index', () => {
    const kept = [
      entry(1, 'TABLE', []),
      entry(2, 'FUNCTION', [], 'f()'),
      entry(3, 'INDEX', [1], 'plain'),
      entry(4, 'INDEX', [1, 2], 'by_function'),
      entry(5, 'INDEX', [1], 'of_partition'),
      entry(6, 'INDEX ATTACH', [5, 7], 'of_partition'),
      entry(8, 'FK CONSTRAINT', [1], 'fk'),
      entry(9, 'INDEX', [99], 'of_a_table_that_is_left_out'),
    ]
    expect([...planEarlyIndexes(kept)]).toEqual([[tableName('s', 't'), [kept[2]]]])
  })
})

describe('work ahead', () => {
  it('goes piece by piece, and nothing more begins once it is to finish', async () => {
    const seen: string[] = []
    const ahead = new WorkAhead(undefined)
    let go = () => {}
    const first = new Promise<void>(resolve => {
      go = resolve
    })
    ahead.add(async () => {
      await first
      seen.push('first')
    })
    ahead.add(async () => void seen.push('second'))
    await Promise.resolve()
    const finished = ahead.finish()
    go()
    await finished
    expect(seen).toEqual(['first'])
  })

  it('that failed says so at its end, and what follows does not begin', async () => {
    const seen: string[] = []
    const ahead = new WorkAhead(undefined)
    ahead.add(() => Promise.reject(new Error('no index')))
    ahead.add(async () => void seen.push('second'))
    await new Promise(resolve => setImmediate(resolve))
    await expect(ahead.finish()).rejects.toThrow('no index')
    expect(seen).toEqual([])
  })

  it('that is stopped is told, and its failure is nobody’s', async () => {
    const ahead = new WorkAhead(undefined)
    let stopped = false
    ahead.add(
      signal =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            stopped = true
            reject(new Error('stopped'))
          })
        }),
    )
    await Promise.resolve()
    await ahead.stop()
    expect(stopped).toBe(true)
  })
})
