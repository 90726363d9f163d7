import { describe, expect, it } from 'vitest'
import type { ArchiveEntry, TableOfContents } from '../archive/archive-header.js'
import { describeEntry, selectEntries, useList } from './select-entries.js'

let lastId = 0
function entry(description: string, tag: string, needs: readonly ArchiveEntry[] = []): ArchiveEntry {
  lastId += 1
  return {
    ...{ dumpId: lastId, hasData: false, tag, description, section: 'pre-data', definition: '', dropStatement: '' },
    ...{ copyStatement: null, namespace: 'public', owner: null, dependencies: needs.map(one => one.dumpId) },
  }
}

const server = entry('SERVER', 'elsewhere')
const foreign = entry('FOREIGN TABLE', 'prices', [server])
const view = entry('VIEW', 'dear', [foreign])
const table = entry('TABLE', 'orders')
const data = entry('TABLE DATA', 'orders', [table])
const toc = { entries: [view, server, foreign, table, data] } as unknown as TableOfContents

describe('selectEntries', () => {
  it('keeps everything without rules, in order', () => {
    const selection = selectEntries(toc, [])
    expect(selection.kept).toEqual(toc.entries)
    expect(selection.skipped).toEqual([])
  })

  it('leaves out what a rule names, with the reason of the first rule that speaks', () => {
    const selection = selectEntries(toc, [
      () => undefined,
      one => (one.description === 'TABLE DATA' ? 'no rows wanted' : undefined),
      one => (one.description === 'TABLE DATA' ? 'never asked' : undefined),
    ])
    expect(selection.kept).toEqual([view, server, foreign, table])
    expect(selection.skipped).toEqual([{ entry: data, reason: 'no rows wanted' }])
    expect(selection.has(table)).toBe(true)
    expect(selection.has(data)).toBe(false)
  })

  it('leaves out what needs something that is left out, wherever it stands in the list', () => {
    const selection = selectEntries(toc, [one => (one === server ? 'no connections outward' : undefined)])
    expect(selection.kept).toEqual([table, data])
    expect(selection.skipped.map(one => `${describeEntry(one.entry)}: ${one.reason}`)).toEqual([
      'VIEW public.dear: it needs FOREIGN TABLE public.prices, which is left out',
      'SERVER public.elsewhere: no connections outward',
      'FOREIGN TABLE public.prices: it needs SERVER public.elsewhere, which is left out',
    ])
  })

  it('keeps what depends on something that the target has', () => {
    const selection = selectEntries(toc, [one => (one === server ? { reason: 'there', cascades: false } : undefined)])
    expect(selection.skipped).toEqual([{ entry: server, reason: 'there' }])
  })

  it("never leaves out the archive's settings", () => {
    const encoding = entry('ENCODING', 'ENCODING')
    const all = selectEntries({ ...toc, entries: [encoding, table] }, [() => 'everything'])
    expect(all.kept).toEqual([encoding])
    expect(useList(all.kept)).toBe(`${encoding.dumpId};\n`)
  })
})
