import type { ArchiveEntry } from '../archive/archive-header.js'
import { BackupError } from '../errors/backup-error.js'
import { describeEntry, type EntryRule } from './select-entries.js'
import { parseTablePattern } from './table-pattern.js'

export interface TableChoice {
  /** Patterns, see {@link parseTablePattern}. Each must match something. */
  readonly tables: readonly string[]
  /** Take along the tables that foreign keys of the chosen ones name, and theirs. */
  readonly withReferenced: boolean
  /** What the target has: it is not restored, and what needs it is content. */
  readonly inTarget: (entry: ArchiveEntry) => boolean
  /** What of a table's belongings stays behind, such as its triggers. Default: nothing. */
  readonly staysBehind?: ((entry: ArchiveEntry) => boolean) | undefined
}

/** Something that a chosen table needs, and what needs it. */
export interface Dependency {
  readonly entry: ArchiveEntry
  readonly neededBy: ArchiveEntry
}

/** What a choice of tables means for the entries of an archive. */
export interface ChosenTables {
  /** What the patterns matched, and the partitions of it. */
  readonly chosen: readonly ArchiveEntry[]
  /** Comes along: without it the chosen tables cannot be made. */
  readonly required: readonly Dependency[]
  /** The target has it already. */
  readonly reused: readonly Dependency[]
  /** Left out, with the foreign keys and policies that name them, unless asked for. */
  readonly offered: readonly Dependency[]
  /** For {@link selectEntries}. */
  readonly rules: readonly EntryRule[]
}

const relations = new Set(['TABLE', 'FOREIGN TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE'])
/** Reasons that the caller gave: they are not worth a line for each entry. */
export const askedFor = {
  notChosen: 'it was not asked for',
  onlyDefinitions: 'only definitions were asked for',
  onlyRows: 'only rows were asked for',
  inTarget: 'the target has it',
} as const

/** Belong to the one relation among what they depend on, or to the one that their name begins with. */
const ofRelation = new Set([
  ...['TABLE DATA', 'DEFAULT', 'CONSTRAINT', 'CHECK CONSTRAINT', 'FK CONSTRAINT', 'INDEX', 'TABLE ATTACH', 'RULE'],
  ...['SEQUENCE', 'STATISTICS', 'TRIGGER', 'POLICY', 'ROW SECURITY', 'MATERIALIZED VIEW DATA', 'REPLICA IDENTITY'],
])
/** Belong to whatever they depend on. */
const ofAnything = new Set([
  ...['COMMENT', 'ACL', 'SECURITY LABEL', 'SEQUENCE SET', 'SEQUENCE OWNED BY', 'STATISTICS DATA', 'INDEX ATTACH'],
])

/**
 * Follows the archive's own dependencies from the chosen tables: what they need (types, sequences, functions of
 * defaults and triggers, schemas) comes along; tables that only a foreign key or a policy names are offered.
 * @throws BackupError `selection-invalid` for a pattern that matches nothing
 */
export function chooseTables(entries: readonly ArchiveEntry[], choice: TableChoice): ChosenTables {
  const archive = indexEntries(entries)
  const chosen = withPartitions(matchTables(entries, choice.tables), archive)
  const wanted = new Set(chosen)
  const required = new Map<ArchiveEntry, ArchiveEntry>()
  const reused = new Map<ArchiveEntry, ArchiveEntry>()
  const offered = new Map<ArchiveEntry, ArchiveEntry>()
  /** Foreign keys and policies, and what they name of what is offered. */
  const naming = new Map<ArchiveEntry, ArchiveEntry>()
  for (let before = -1; before !== wanted.size; ) {
    before = wanted.size
    // What came in late may have been what an earlier foreign key lacked.
    offered.clear()
    naming.clear()
    // A set is walked in the order of insertion: what comes in on the way is followed, too.
    for (const entry of wanted) {
      for (const id of entry.dependencies) need(archive.byId.get(id), entry)
      if (entry.namespace !== null) need(archive.schemas.get(entry.namespace), entry)
      for (const belonging of archive.belongings.get(entry) ?? []) takeBelonging(belonging)
    }
  }
  return {
    chosen,
    required: listed(required),
    reused: listed(reused),
    offered: listed(offered),
    rules: [
      entry => (reused.has(entry) ? { reason: askedFor.inTarget, cascades: false } : undefined),
      entry => {
        const table = naming.get(entry)
        return table && { reason: `it names ${describeEntry(table)}, which is left out`, cascades: false }
      },
      entry => (wanted.has(entry) ? undefined : { reason: askedFor.notChosen, cascades: false }),
    ],
  }

  function need(entry: ArchiveEntry | undefined, by: ArchiveEntry): void {
    if (entry === undefined || wanted.has(entry) || reused.has(entry) || !stands(entry, by)) return
    if (choice.inTarget(entry)) {
      reused.set(entry, by)
      return
    }
    required.set(entry, by)
    wanted.add(entry)
  }

  /** Whether `by` cannot be made without `entry`. */
  function stands(entry: ArchiveEntry, by: ArchiveEntry): boolean {
    // An index or a constraint is there when its table is.
    if (isBelonging(entry) && entry.description !== 'SEQUENCE') return false
    // A partition is made without its root, and attached later; a sequence likewise without the table that owns it.
    if (archive.rootOf.get(by) === entry) return false
    return !(entry.description === 'TABLE' && isFreeSequence(by))
  }

  function takeBelonging(entry: ArchiveEntry): void {
    if (wanted.has(entry) || choice.staysBehind?.(entry)) return
    const lacking = relationsNamed(entry, archive).filter(one => !wanted.has(one) && !choice.inTarget(one))
    if (lacking.length > 0) {
      // Partitions are attached, and sequences owned, where both sides are there.
      if (/ATTACH$|^SEQUENCE/.test(entry.description)) return
      if (!choice.withReferenced || entry.description !== 'FK CONSTRAINT') {
        for (const table of lacking) offered.set(table, entry)
        naming.set(entry, lacking[0]!)
        return
      }
      for (const table of withPartitions(lacking, archive)) {
        required.set(table, entry)
        wanted.add(table)
      }
    }
    wanted.add(entry)
  }
}

function listed(found: ReadonlyMap<ArchiveEntry, ArchiveEntry>): Dependency[] {
  return [...found].map(([entry, neededBy]) => ({ entry, neededBy }))
}

interface IndexedEntries {
  readonly byId: ReadonlyMap<number, ArchiveEntry>
  readonly schemas: ReadonlyMap<string, ArchiveEntry>
  readonly belongings: ReadonlyMap<ArchiveEntry, readonly ArchiveEntry[]>
  readonly rootOf: ReadonlyMap<ArchiveEntry, ArchiveEntry>
}

function indexEntries(entries: readonly ArchiveEntry[]): IndexedEntries {
  const byId = new Map(entries.map(entry => [entry.dumpId, entry]))
  const schemas = new Map(entries.filter(one => one.description === 'SCHEMA').map(one => [one.tag, one]))
  const belongings = new Map<ArchiveEntry, ArchiveEntry[]>()
  const rootOf = new Map<ArchiveEntry, ArchiveEntry>()
  for (const entry of entries) {
    const needs = entry.dependencies.map(id => byId.get(id)).filter(one => one !== undefined)
    if (entry.description === 'TABLE ATTACH') {
      const [child, root] = needs
      if (child !== undefined && root !== undefined) rootOf.set(child, root)
    }
    for (const owner of ownersOf(entry, needs)) belongings.set(owner, [...(belongings.get(owner) ?? []), entry])
  }
  return { byId, schemas, belongings, rootOf }
}

function ownersOf(entry: ArchiveEntry, needs: readonly ArchiveEntry[]): ReadonlySet<ArchiveEntry> {
  if (ofAnything.has(entry.description)) return new Set(needs)
  if (!ofRelation.has(entry.description)) return new Set()
  const tables = needs.filter(one => relations.has(one.description) && one.description !== 'SEQUENCE')
  if (new Set(tables).size < 2) return new Set(tables)
  // `orders orders_customer_fkey`: the table, then the name; of two tables that fit it is the longer one.
  const own = tables.filter(one => one.namespace === entry.namespace && `${entry.tag} `.startsWith(`${one.tag} `))
  return new Set(own.sort((a, b) => b.tag.length - a.tag.length).slice(0, 1))
}

function isBelonging(entry: ArchiveEntry): boolean {
  return ofRelation.has(entry.description) || ofAnything.has(entry.description)
}

/** One that stands alone, unlike that of an identity column. */
function isFreeSequence(entry: ArchiveEntry): boolean {
  return entry.description === 'SEQUENCE' && /^\s*CREATE SEQUENCE/i.test(entry.definition)
}

/** The tables and views that an entry names; for an ownership those of the sequence. */
function relationsNamed(entry: ArchiveEntry, archive: Pick<IndexedEntries, 'byId'>): ArchiveEntry[] {
  const needs = entry.dependencies.map(id => archive.byId.get(id)).filter(one => one !== undefined)
  if (entry.description === 'SEQUENCE OWNED BY') return needs.flatMap(one => relationsNamed(one, archive))
  return needs.filter(one => relations.has(one.description) && one.description !== 'SEQUENCE')
}

function matchTables(entries: readonly ArchiveEntry[], patterns: readonly string[]): ArchiveEntry[] {
  const candidates = entries.filter(entry => relations.has(entry.description))
  const chosen = new Set<ArchiveEntry>()
  for (const pattern of patterns.map(parseTablePattern)) {
    const matched = candidates.filter(entry => pattern.matches(entry.namespace, entry.tag))
    if (matched.length === 0) {
      throw new BackupError('selection-invalid', `the backup has no table ${pattern.text}`, {
        hint: '`lifeboat restore BACKUP --list` shows what it holds; upper case, dots and quotes need double quotes: \'public."Orders"\'',
      })
    }
    for (const entry of matched) chosen.add(entry)
  }
  return [...chosen]
}

/** The tables and, of those that are partitioned, all partitions. */
function withPartitions(tables: readonly ArchiveEntry[], { rootOf }: IndexedEntries): ArchiveEntry[] {
  const all = new Set(tables)
  for (let before = -1; before !== all.size; ) {
    before = all.size
    for (const [child, root] of rootOf) if (all.has(root)) all.add(child)
  }
  return [...all]
}
