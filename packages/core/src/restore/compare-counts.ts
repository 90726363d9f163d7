import type pg from 'pg'
import { escapeIdentifier } from 'pg'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { connect } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import type { Manifest, TableRecord } from '../repository/manifest.js'
import { loadsItself } from './copy-target.js'
import { selectedTables } from './describe-selection.js'
import type { PreparedRestore } from './plan-restore.js'

/** Data entries whose table this restore creates and that load into just that table. */
export function tablesCreated(entries: readonly ArchiveEntry[]): Set<number> {
  const name = (entry: ArchiveEntry) => `${entry.namespace}\0${entry.tag}`
  const tables = new Set(entries.filter(entry => entry.description === 'TABLE').map(name))
  const data = entries.filter(
    entry => entry.description === 'TABLE DATA' && tables.has(name(entry)) && loadsItself(entry),
  )
  return new Set(data.map(entry => entry.dumpId))
}

/**
 * Tables whose count must be the backup's, and the others: an extension's own, which may hold more than the backup,
 * and partitions that were loaded through their root, whose rows the server placed anew.
 */
export function splitComparable(
  manifest: Manifest,
  { plan, selection }: PreparedRestore,
): { readonly comparable: TableRecord[]; readonly others: TableRecord[] } {
  const tables = selectedTables(manifest.tables ?? [], selection)
  if (selection === undefined) return { comparable: [...tables], others: [] }
  // Rows alone go into tables that were found empty: as good as made.
  const ownRows = (entry: ArchiveEntry) => entry.description === 'TABLE DATA' && loadsItself(entry)
  const created =
    plan.part?.only === 'data'
      ? new Set(selection.kept.filter(ownRows).map(entry => entry.dumpId))
      : tablesCreated(selection.kept)
  const names = new Set(
    selection.kept.filter(entry => created.has(entry.dumpId)).map(entry => `${entry.namespace}\0${entry.tag}`),
  )
  const comparable = tables.filter(table => names.has(`${table.schema}\0${table.name}`))
  return { comparable, others: tables.filter(table => !comparable.includes(table)) }
}

/** Counts every table on the server and compares with the manifest. @throws BackupError `counts-differ` */
export async function compareCounts(
  tables: readonly TableRecord[],
  target: ConnectionTarget,
  jobs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const waiting = [...tables].sort((a, b) => b.bytes - a.bytes)
  const differing: string[] = []
  const worker = async (client: pg.Client) => {
    for (let table = waiting.shift(); table !== undefined; table = waiting.shift()) {
      throwIfCancelled(signal)
      const result = await client.query<{ n: string }>(
        `select count(*) as n from only ${escapeIdentifier(table.schema)}.${escapeIdentifier(table.name)}`,
      )
      if (Number(result.rows[0]!.n) !== table.rows)
        differing.push(`${table.schema}.${table.name} has ${result.rows[0]!.n} rows, the backup ${table.rows}`)
    }
  }
  const clients: pg.Client[] = []
  try {
    for (let i = 0; i < jobs; i++) clients.push(await connect(target, signal))
    await Promise.all(clients.map(worker))
  } finally {
    await Promise.allSettled(clients.map(client => client.end()))
  }
  if (differing.length > 0) {
    throw new BackupError(
      'counts-differ',
      `after the restore ${differing.slice(0, 3).join('; ')}${differing.length > 3 ? ` and ${differing.length - 3} more differ` : ''}`,
      { hint: 'is something else writing to the target?' },
    )
  }
}
