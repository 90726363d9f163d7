import type { ArchiveEntry } from '../archive/archive-header.js'

/** The entries of a table that can be made once its own rows are in, whatever of the others is. */
export type EarlyIndexes = ReadonlyMap<string, readonly ArchiveEntry[]>

/**
 * Finds indexes, primary keys, unique and exclusion constraints that need nothing but their table: no function, which
 * might read another table; and no part in a partitioned index, which is put together at the end.
 */
export function planEarlyIndexes(kept: readonly ArchiveEntry[]): EarlyIndexes {
  const tables = new Map(kept.filter(one => one.description === 'TABLE').map(one => [one.dumpId, one]))
  const attached = new Set(kept.filter(one => one.description === 'INDEX ATTACH').flatMap(one => one.dependencies))
  const early = new Map<string, ArchiveEntry[]>()
  for (const entry of kept) {
    if (entry.description !== 'INDEX' && entry.description !== 'CONSTRAINT') continue
    const [table, ...more] = entry.dependencies.map(id => tables.get(id))
    if (table === undefined || more.length > 0 || attached.has(entry.dumpId)) continue
    const name = tableName(table.namespace, table.tag)
    early.set(name, [...(early.get(name) ?? []), entry])
  }
  return early
}

export function tableName(schema: string | null, name: string): string {
  return `${schema}\0${name}`
}
