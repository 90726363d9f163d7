import type { ArchiveEntry } from '../archive/archive-header.js'
import type { ContentsEntry, LeftOut, RestoreOptions, RestorePart } from '../lifeboat-api.js'
import type { Manifest, TableRecord } from '../repository/manifest.js'
import type { Dependency } from './choose-tables.js'
import type { EntrySelection } from './select-entries.js'
import type { PartSelection } from './select-part.js'

/** Reasons that the caller gave himself; they would name most of the archive. */
const askedFor = new Set(['not-selected', 'schema-only', 'data-only', 'in-target'])

/** How many of the manifest's tables, and of their rows, a selection takes. */
export function countSelected(
  manifest: Manifest,
  selection: EntrySelection | undefined,
): { readonly tables: number | null; readonly rows: number | null } {
  const tables = manifest.tables && selectedTables(manifest.tables, selection)
  return { tables: tables?.length ?? null, rows: tables?.reduce((sum, table) => sum + table.rows, 0) ?? null }
}

/** Of the manifest's tables those whose rows a selection takes. */
export function selectedTables(
  tables: readonly TableRecord[],
  selection: EntrySelection | undefined,
): readonly TableRecord[] {
  if (selection === undefined || selection.skipped.length === 0) return tables
  const data = selection.kept.filter(entry => entry.description === 'TABLE DATA')
  const names = new Set(data.map(entry => `${entry.namespace ?? ''}\0${entry.tag}`))
  return tables.filter(table => names.has(`${table.schema}\0${table.name}`))
}

/** What a restore leaves out and was not told to by name. */
export function describeLeftOut(selection: EntrySelection | undefined): LeftOut[] {
  return (selection?.skipped ?? [])
    .filter(({ reason }) => !askedFor.has(reason))
    .map(({ entry, reason, because }) => ({
      ...describeEntry(entry),
      reason,
      because: because && describeEntry(because),
    }))
}

export function describePart(part: PartSelection, manifest: Manifest, options: RestoreOptions): RestorePart {
  const { chosen, selection } = part
  return {
    chosen: chosen?.chosen.map(describeEntry) ?? null,
    required: chosen?.required.map(describeDependency) ?? [],
    reused: chosen?.reused.filter(({ entry }) => entry.description !== 'SCHEMA').map(describeDependency) ?? [],
    offered: chosen?.offered.map(describeDependency) ?? [],
    intoSchema: options.intoSchema ?? null,
    only: options.only ?? null,
    bytes: selectedTables(manifest.tables ?? [], selection).reduce((sum, table) => sum + table.bytes, 0),
  }
}

function describeDependency({ entry, neededBy }: Dependency) {
  return { ...describeEntry(entry), neededBy: describeEntry(neededBy) }
}

export function describeEntry({ description, namespace, tag }: ArchiveEntry): ContentsEntry {
  return { kind: description, schema: namespace, name: tag }
}
