import { describe, expect, it } from 'vitest'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { type EntryRule, selectEntries, useList } from './select-entries.js'

function entry(dumpId: number, description: string, tag: string, dependencies: number[] = []): ArchiveEntry {
  return {
    ...{ dumpId, description, tag, dependencies, hasData: false, section: 'pre-data', namespace: 'public' },
    ...{ definition: '', dropStatement: '', copyStatement: null, owner: null },
  }
}

const toc = {
  entries: [
    entry(1, 'ENCODING', 'ENCODING'),
    entry(2, 'TYPE', 'mood'),
    entry(3, 'TABLE', 'orders', [2]),
    entry(4, 'TABLE', 'customers'),
    entry(5, 'TABLE DATA', 'orders', [3]),
    entry(6, 'FK CONSTRAINT', 'orders fk', [4, 3]),
    // Before what it depends on: nothing promises the order.
    entry(7, 'COMMENT', 'VIEW v', [8]),
    entry(8, 'VIEW', 'v', [3]),
  ],
}
const leaveOut = (reason: string, tag: string, cascades?: boolean): EntryRule => ({
  ...{ reason, cascades },
  skips: one => one.tag === tag,
})
const reasons = (rules: readonly EntryRule[]) =>
  selectEntries(toc, rules).skipped.map(({ entry, reason, because }) => [entry.tag, reason, because?.tag ?? null])

describe('selectEntries', () => {
  it('keeps everything, in order, without rules', () => {
    expect(selectEntries(toc, [])).toEqual({ kept: toc.entries, skipped: [] })
  })

  it('leaves out what a rule names and, naming the first cause, all that cannot be without it', () => {
    expect(reasons([leaveOut('no-mood', 'mood')])).toEqual([
      ['mood', 'no-mood', null],
      ['orders', 'needs-skipped', 'mood'],
      ['orders', 'needs-skipped', 'mood'],
      ['orders fk', 'needs-skipped', 'mood'],
      ['VIEW v', 'needs-skipped', 'mood'],
      ['v', 'needs-skipped', 'mood'],
    ])
  })

  it('keeps what depends on something the target has', () => {
    expect(reasons([leaveOut('in-target', 'mood', false)])).toEqual([['mood', 'in-target', null]])
  })

  it('gives the reason of the first rule that matches', () => {
    expect(reasons([leaveOut('first', 'orders fk'), leaveOut('second', 'orders fk')])).toEqual([
      ['orders fk', 'first', null],
    ])
  })

  it("never leaves out the archive's settings", () => {
    expect(reasons([{ reason: 'all', skips: () => true }])).not.toContainEqual(['ENCODING', 'all', null])
  })

  it('writes a list that pg_restore reads', () => {
    expect(useList(toc.entries.slice(1, 3))).toBe('2;\n3;\n')
  })
})
