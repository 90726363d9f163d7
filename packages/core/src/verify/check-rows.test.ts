import { describe, expect, it } from 'vitest'
import type { Manifest } from '../repository/manifest.js'
import { judgeRows } from './check-rows.js'

/** As much of a manifest as its rows are. */
function holding(rows: Readonly<Record<string, number>> | null): Manifest {
  const tables =
    rows && Object.entries(rows).map(([name, n]) => ({ schema: 'public', name, rows: n, bytes: n, sha256: '' }))
  return { product: 'shop', id: '20261121T020000Z-7f3k9q', tables } as Manifest
}

const messages = (
  ...[now, before, tables]: [Record<string, number> | null, Record<string, number> | null, string[]?]
) => judgeRows(holding(now), holding(before), tables ?? []).map(one => one.message)

describe('the rows of a backup, against those of the one before it', () => {
  it('may grow and shrink by half, and not more', () => {
    expect(messages({ a: 10_000 }, { a: 100 })).toEqual([])
    expect(messages({ a: 500, b: 500 }, { a: 1000, b: 1000 })).toEqual([])
    expect(messages({ a: 499, b: 500 }, { a: 1000, b: 1000 })).toEqual([
      'the backup has 999 rows, the one before it (shop/20261121T020000Z-7f3k9q) 2000',
    ])
  })

  it('are few enough to come and go below a hundred, but never all', () => {
    expect(messages({ a: 1 }, { a: 99 })).toEqual([])
    expect(messages({ a: 1 }, { a: 100 })).toHaveLength(1)
    expect(messages({ a: 0 }, { a: 1 })).toHaveLength(1)
    expect(messages({}, { a: 1 })).toHaveLength(1)
    expect(messages({}, {})).toEqual([])
  })

  it('are looked at by table where a table is critical', () => {
    const [now, before] = [
      { orders: 100, log: 9000 },
      { orders: 300, log: 9000 },
    ]
    expect(messages(now, before)).toEqual([])
    expect(messages(now, before, ['orders'])).toEqual([
      'the critical table orders has 100 rows, the one before it (shop/20261121T020000Z-7f3k9q) 300',
    ])
    // Missing and empty ones have findings of their own.
    expect(messages({ orders: 0, log: 9000 }, before, ['orders', 'nothing'])).toEqual([])
  })

  it('say nothing where an archive could not be read into', () => {
    expect(messages(null, { a: 1000 })).toEqual([])
    expect(messages({ a: 0 }, null)).toEqual([])
  })
})
