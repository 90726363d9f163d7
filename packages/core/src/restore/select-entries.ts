import type { ArchiveEntry } from '../archive/archive-header.js'

/** Why a restore leaves some entries of an archive out. The first rule that matches an entry gives the reason. */
export interface EntryRule {
  /** A stable code: `not-selected`, `in-target`, `schema-only`, … */
  readonly reason: string
  readonly skips: (entry: ArchiveEntry) => boolean
  /** Whether what depends on these is left out, too. Default: true. False where the target has them already. */
  readonly cascades?: boolean | undefined
}

/** An entry that is left out, and why. */
export interface SkippedEntry {
  readonly entry: ArchiveEntry
  /** The code of the rule, or `needs-skipped`. */
  readonly reason: string
  /** With `needs-skipped`: what it cannot be without, and which a rule left out. */
  readonly because: ArchiveEntry | null
}

/** What a restore takes from an archive, in the archive's order. */
export interface EntrySelection {
  readonly kept: readonly ArchiveEntry[]
  readonly skipped: readonly SkippedEntry[]
}

/** The archive's settings: pg_restore applies them whatever a list says. */
const settings = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH'])

/**
 * Decides what of an archive is restored. What depends on an entry that is left out is left out with it
 * (`needs-skipped`): an index without its table, a grant on a function that is not there.
 */
export function selectEntries(
  toc: { readonly entries: readonly ArchiveEntry[] },
  rules: readonly EntryRule[],
): EntrySelection {
  const skipped = new Map<number, SkippedEntry>()
  /** What is not there after the restore, by what left it out. */
  const absent = new Map<number, ArchiveEntry>()
  for (const entry of toc.entries) {
    if (settings.has(entry.description)) continue
    const rule = rules.find(one => one.skips(entry))
    if (rule === undefined) continue
    skipped.set(entry.dumpId, { entry, reason: rule.reason, because: null })
    if (rule.cascades !== false) absent.set(entry.dumpId, entry)
  }
  // Entries follow what they depend on, but nothing promises it: go round until nothing more falls out.
  for (let before = -1; before !== absent.size; ) {
    before = absent.size
    for (const entry of toc.entries) {
      if (skipped.has(entry.dumpId)) continue
      const lacking = entry.dependencies.find(id => absent.has(id))
      if (lacking === undefined) continue
      const because = absent.get(lacking)!
      skipped.set(entry.dumpId, { entry, reason: 'needs-skipped', because })
      absent.set(entry.dumpId, because)
    }
  }
  return {
    kept: toc.entries.filter(entry => !skipped.has(entry.dumpId)),
    skipped: toc.entries.flatMap(entry => skipped.get(entry.dumpId) ?? []),
  }
}

/** The text of a list for `pg_restore --use-list`. */
export function useList(entries: readonly ArchiveEntry[]): string {
  return entries.map(entry => `${entry.dumpId};\n`).join('')
}
