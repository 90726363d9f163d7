import type { ContentsEntry, NeededEntry, RestoreOptions, RestorePart, RestorePlan } from '../api/restoring.js'
import type { ArchiveEntry } from '../archive/archive-header.js'
import type { Manifest, TableRecord } from '../repository/manifest.js'
import { askedFor, type Dependency } from './choose-tables.js'
import { type EntrySelection, describeEntry as writeEntry } from './select-entries.js'
import type { PartSelection } from './select-part.js'

const asked: ReadonlySet<string> = new Set(Object.values(askedFor))

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

/** What a restore leaves out and was not told to. */
export function describeSkipped(selection: EntrySelection | undefined): RestorePlan['skipped'] {
  return (selection?.skipped ?? [])
    .filter(({ reason }) => !asked.has(reason))
    .map(({ entry, reason }) => ({ entry: writeEntry(entry), reason }))
}

export function describePart(part: PartSelection, manifest: Manifest, options: RestoreOptions): RestorePart {
  const { chosen, selection } = part
  return {
    chosen: chosen?.chosen.map(describeEntry) ?? null,
    required: chosen?.required.map(describeNeeded) ?? [],
    reused: chosen?.reused.filter(({ entry }) => entry.description !== 'SCHEMA').map(describeNeeded) ?? [],
    offered: chosen?.offered.map(describeNeeded) ?? [],
    intoSchema: options.intoSchema ?? null,
    only: options.only ?? null,
    bytes: selectedTables(manifest.tables ?? [], selection).reduce((sum, table) => sum + table.bytes, 0),
  }
}

/** An entry and what it is needed by, as values. */
export function describeNeeded({ entry, neededBy }: Dependency): NeededEntry {
  return { ...describeEntry(entry), neededBy: describeEntry(neededBy) }
}

export function describeEntry({ description, namespace, tag }: ArchiveEntry): ContentsEntry {
  return { kind: description, schema: namespace, name: tag }
}

/** Whether an entry is something that a reader of a plan would look for, and no setting of the archive. */
export function isObject({ description }: ArchiveEntry): boolean {
  return !/^(ENCODING|STDSTRINGS|SEARCHPATH|DATABASE)$/.test(description)
}
