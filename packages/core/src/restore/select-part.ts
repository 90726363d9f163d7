import type { RestoreOptions } from '../api/restoring.js'
import type { ArchiveEntry, TableOfContents } from '../archive/archive-header.js'
import { BackupError } from '../errors/backup-error.js'
import { askedFor, type ChosenTables, chooseTables } from './choose-tables.js'
import type { TargetObjects } from './inspect-objects.js'
import { qualified } from './rename-schema.js'
import { type EntryRule, type EntrySelection, selectEntries } from './select-entries.js'

export type PartOptions = Pick<RestoreOptions, 'tables' | 'withReferenced' | 'intoSchema' | 'only'> & {
  readonly overwrite: boolean
}

/** A part of a backup: what is taken, and what a person should know about it. */
export interface PartSelection {
  readonly selection: EntrySelection
  readonly chosen: ChosenTables | undefined
  /** Of the chosen ones those that the target has: they are in the way. */
  readonly inTheWay: readonly ArchiveEntry[]
}

const relations = new Set(['TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE'])
/**
 * Stays behind where rows are only to be looked at: what would act on its own, and who may read. The rule that makes a
 * view what it is acts on nothing else.
 */
function notInACopy({ description, tag }: ArchiveEntry): boolean {
  if (description === 'RULE') return !tag.endsWith(' _RETURN')
  return /^(TRIGGER|POLICY|ACL|SECURITY LABEL|STATISTICS DATA)$/.test(description)
}

/** Whether less than the whole backup, or another place in the target, is asked for. */
export function asksForPart(options: RestoreOptions): boolean {
  return options.tables !== undefined || options.intoSchema !== undefined || options.only !== undefined
}

/**
 * Decides which entries a partial restore takes, and refuses what would touch more of the target than was asked for.
 * @throws BackupError `selection-invalid`, `target-not-empty`, `target-unfit`
 */
export function selectPart(
  toc: TableOfContents,
  options: PartOptions,
  objects: TargetObjects,
  rules: readonly EntryRule[] = [],
): PartSelection {
  const { entries } = toc
  const { intoSchema, only } = options
  const inTarget = (entry: ArchiveEntry) => {
    if (only === 'data') return true
    // A copy beside the live tables has tables, views and sequences of its own; types and functions may be shared.
    if (intoSchema !== undefined) return entry.description === 'SCHEMA' || (!isRelation(entry) && objects.has(entry))
    return objects.has(entry)
  }
  const tables = options.tables ?? (intoSchema === undefined ? undefined : ['*'])
  const chosen =
    tables &&
    chooseTables(entries, {
      ...{ tables, inTarget, withReferenced: options.withReferenced ?? false },
      staysBehind: intoSchema === undefined ? undefined : notInACopy,
    })
  const selection = selectEntries(toc, [...rules, ...onlyRules(only), ...(chosen?.rules ?? [])])
  const inTheWay = only === 'data' ? [] : (chosen?.chosen ?? []).filter(entry => objects.has(entry))
  if (intoSchema !== undefined) checkSchema(entries, selection, intoSchema, options, objects)
  else if (inTheWay.length > 0 && !options.overwrite) throw tablesInTheWay(inTheWay)
  if (only === 'data') checkTables(selection, intoSchema, objects)
  return { selection, chosen, inTheWay }
}

function onlyRules(only: PartOptions['only']): EntryRule[] {
  if (only === undefined) return []
  return [
    only === 'schema'
      ? entry => (holdsRows(entry) ? { reason: askedFor.onlyDefinitions, cascades: false } : undefined)
      : entry => (holdsRows(entry) ? undefined : { reason: askedFor.onlyRows, cascades: false }),
  ]
}

/** Rows, values of sequences, large objects, and what is computed from rows. */
function holdsRows({ section, description }: ArchiveEntry): boolean {
  return section === 'data' || description === 'MATERIALIZED VIEW DATA' || /^BLOBS?( METADATA)?$/.test(description)
}

function isRelation(entry: ArchiveEntry): boolean {
  return relations.has(entry.description)
}

function checkSchema(
  entries: readonly ArchiveEntry[],
  { kept }: EntrySelection,
  schema: string,
  { overwrite, only }: PartOptions,
  objects: TargetObjects,
): void {
  if (schema === '' || /^pg_|^information_schema$/.test(schema))
    throw new BackupError('selection-invalid', `${JSON.stringify(schema)} cannot be a schema of yours`, {
      hint: 'name a new one, such as recovered; names that begin with pg_ belong to the server',
    })
  if (entries.some(entry => entry.namespace === schema)) {
    throw new BackupError('selection-invalid', `the backup holds objects of the schema ${schema} itself`, {
      hint: 'a copy goes into a schema of its own, beside what the product uses: name a new one',
    })
  }
  const seen = new Map<string, ArchiveEntry>()
  for (const entry of kept.filter(one => isRelation(one) || /^(TYPE|DOMAIN|FUNCTION)$/.test(one.description))) {
    const twin = seen.get(entry.tag)
    if (twin !== undefined) {
      throw new BackupError(
        'selection-invalid',
        `${twin.namespace}.${twin.tag} and ${entry.namespace}.${entry.tag} would have one name in the schema ${schema}`,
        { hint: 'restore them one after the other, into two schemas' },
      )
    }
    seen.set(entry.tag, entry)
  }
  const lacking = kept.filter(entry => entry.description === 'EXTENSION')
  if (lacking.length > 0) {
    const names = lacking.map(entry => entry.tag).join(', ')
    throw new BackupError('target-unfit', `the target database lacks the extension ${names}`, {
      hint: `create it there first: ${lacking.map(entry => `create extension "${entry.tag}"`).join('; ')}`,
    })
  }
  const { objects: held } = objects.schema(schema)
  if (held > 0 && !overwrite && only !== 'data') {
    throw new BackupError(
      'target-not-empty',
      `the schema ${schema} is not empty: ${held} tables, functions and types`,
      {
        hint: 'name a new schema, or give --overwrite to drop those of its objects that have the names of what is restored',
      },
    )
  }
}

function tablesInTheWay(entries: readonly ArchiveEntry[]): BackupError {
  const names = entries.map(entry => `${entry.namespace}.${entry.tag}`)
  const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
  return new BackupError('target-not-empty', `the target has ${names.slice(0, 5).join(', ')}${more} already`, {
    hint: 'restore beside the live tables (--into-schema recovered) and merge by hand, or give --overwrite to drop them first',
  })
}

/** Rows alone need their tables. */
function checkTables({ kept }: EntrySelection, intoSchema: string | undefined, objects: TargetObjects): void {
  const missing = kept
    .filter(entry => entry.description === 'TABLE DATA')
    .map(entry => ({ ...entry, description: 'TABLE', namespace: intoSchema ?? entry.namespace }))
    .filter(entry => !objects.has(entry))
  if (missing.length === 0) return
  const names = missing.map(entry => `${entry.namespace}.${entry.tag}`)
  const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
  throw new BackupError('target-unfit', `the target lacks ${names.slice(0, 5).join(', ')}${more}`, {
    hint: 'restore the definitions first: the same with --schema-only, or without --data-only',
  })
}

/** The objects that move when a selection goes into another schema, see {@link qualified}. */
export function movedNames(kept: readonly ArchiveEntry[]): Set<string> {
  const names = new Set<string>()
  for (const entry of kept) {
    if (entry.namespace === null) continue
    // `f(integer)`, `orders orders_pkey`: of the one the name before its arguments, of the other that of the index.
    if (/^(FUNCTION|PROCEDURE|AGGREGATE)$/.test(entry.description))
      names.add(qualified(entry.namespace, entry.tag.replace(/\([^()]*(?:\([^()]*\)[^()]*)*\)$/, '')))
    else if (entry.description === 'CONSTRAINT') {
      for (let at = entry.tag.indexOf(' '); at >= 0; at = entry.tag.indexOf(' ', at + 1))
        names.add(qualified(entry.namespace, entry.tag.slice(at + 1)))
    } else names.add(qualified(entry.namespace, entry.tag))
  }
  return names
}
