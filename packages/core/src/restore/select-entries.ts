import type { ArchiveEntry, TableOfContents } from '../archive/archive-header.js'

/** Says why an entry of the table of contents is left out, or nothing: then the other rules decide. */
export type EntryRule = (entry: ArchiveEntry, toc: TableOfContents) => string | Omission | undefined

/** A reason that says more than a text. */
export interface Omission {
  readonly reason: string
  /** Whether what depends on the entry is left out as well. False where the target has it already. */
  readonly cascades: boolean
}

/** An entry that is not restored, and why. */
export interface SkippedEntry {
  readonly entry: ArchiveEntry
  readonly reason: string
}

/** What of a table of contents is restored. */
export interface EntrySelection {
  /** In the archive's order. */
  readonly kept: readonly ArchiveEntry[]
  readonly skipped: readonly SkippedEntry[]
  has(entry: ArchiveEntry): boolean
}

const settings: ReadonlySet<string> = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH'])

/**
 * Decides which entries are restored: all but those for which a rule gives a reason, and but those that depend on one
 * of these. The first rule that speaks is heard.
 */
export function selectEntries(toc: TableOfContents, rules: readonly EntryRule[]): EntrySelection {
  const reasons = new Map<number, string>()
  const absent: number[] = []
  for (const entry of toc.entries) {
    // pg_restore applies the archive's settings whatever a list says.
    if (settings.has(entry.description)) continue
    for (const rule of rules) {
      const answer = rule(entry, toc)
      if (answer === undefined) continue
      const { reason, cascades } = typeof answer === 'string' ? { reason: answer, cascades: true } : answer
      reasons.set(entry.dumpId, reason)
      if (cascades) absent.push(entry.dumpId)
      break
    }
  }
  skipDependents(toc, reasons, absent)
  return {
    kept: toc.entries.filter(entry => !reasons.has(entry.dumpId)),
    skipped: toc.entries.flatMap(entry => {
      const reason = reasons.get(entry.dumpId)
      return reason === undefined ? [] : [{ entry, reason }]
    }),
    has: entry => !reasons.has(entry.dumpId),
  }
}

/** What depends on something that is not there could not be restored. Dependencies point either way in the list. */
function skipDependents(toc: TableOfContents, reasons: Map<number, string>, absent: readonly number[]): void {
  if (absent.length === 0) return
  const byId = new Map(toc.entries.map(entry => [entry.dumpId, entry]))
  const dependents = new Map<number, ArchiveEntry[]>()
  for (const entry of toc.entries) {
    for (const id of entry.dependencies) {
      const known = dependents.get(id)
      if (known) known.push(entry)
      else dependents.set(id, [entry])
    }
  }
  const waiting = [...absent]
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const dependent of dependents.get(id) ?? []) {
      if (reasons.has(dependent.dumpId)) continue
      reasons.set(dependent.dumpId, `it needs ${describeEntry(byId.get(id)!)}, which is left out`)
      waiting.push(dependent.dumpId)
    }
  }
}

/** Kinds whose tag names another object, with its kind. */
const aboutAnother = /^(COMMENT|ACL|SECURITY LABEL)$/

/** An entry as people name it: `TABLE public.orders`, `COMMENT on TABLE orders in public`. */
export function describeEntry(entry: ArchiveEntry): string {
  if (aboutAnother.test(entry.description)) {
    const where = entry.namespace === null ? '' : ` in ${entry.namespace}`
    return `${entry.description} on ${entry.tag}${where}`
  }
  const name = entry.namespace === null ? entry.tag : `${entry.namespace}.${entry.tag}`
  return `${entry.description} ${name}`
}

/** The text of a list for `pg_restore --use-list`. */
export function useList(entries: readonly ArchiveEntry[]): string {
  return entries.map(entry => `${entry.dumpId};\n`).join('')
}
