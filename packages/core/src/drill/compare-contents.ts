import type { ArchiveEntry } from '../archive/archive-header.js'
import { describeEntry } from '../restore/select-entries.js'

/** Where two tables of contents differ. */
export interface ContentsDifference {
  /** `missing`: only expected; `added`: only found; `changed`: found with another definition. */
  readonly kind: 'missing' | 'added' | 'changed'
  /** `TABLE`, `INDEX`, `POLICY`, … */
  readonly description: string
  /** As people name it: `INDEX public.orders_day`. */
  readonly entry: string
}

/** What has no definition of its own, or is compared as what it holds. */
const notCompared = new Set([
  ...['ENCODING', 'STDSTRINGS', 'SEARCHPATH', 'DATABASE', 'DATABASE PROPERTIES', 'TABLE DATA'],
  ...['BLOB', 'BLOBS', 'BLOB METADATA', 'STATISTICS DATA'],
])

/** Whether an entry is something that a comparison of definitions speaks of. */
export function isComparable(entry: ArchiveEntry): boolean {
  if (notCompared.has(entry.description)) return false
  // The comment and the grants of the database itself are not restored: it has another name.
  return !(/^(COMMENT|ACL|SECURITY LABEL)$/.test(entry.description) && entry.tag.startsWith('DATABASE '))
}

/**
 * Compares two tables of contents entry by entry, by kind and name, and with `definitions` also by definition. Owners
 * are not compared.
 */
export function compareContents(
  expected: readonly ArchiveEntry[],
  found: readonly ArchiveEntry[],
  options: { readonly definitions: boolean },
): ContentsDifference[] {
  const wanted = byName(expected)
  const there = byName(found)
  const differences: ContentsDifference[] = []
  for (const [key, entries] of wanted) {
    const others = there.get(key) ?? []
    const kind =
      others.length < entries.length
        ? 'missing'
        : others.length > entries.length
          ? 'added'
          : options.definitions && definitionsOf(entries) !== definitionsOf(others)
            ? 'changed'
            : undefined
    if (kind !== undefined) differences.push(difference(kind, entries[0]!))
  }
  for (const [key, entries] of there) if (!wanted.has(key)) differences.push(difference('added', entries[0]!))
  return differences
}

/** What identifies an entry in an archive. */
function entryKey(entry: ArchiveEntry): string {
  return `${entry.description}\0${entry.namespace ?? ''}\0${entry.tag}`
}

function difference(kind: ContentsDifference['kind'], entry: ArchiveEntry): ContentsDifference {
  return { kind, description: entry.description, entry: describeEntry(entry) }
}

function byName(entries: readonly ArchiveEntry[]): Map<string, ArchiveEntry[]> {
  const named = new Map<string, ArchiveEntry[]>()
  for (const entry of entries) {
    if (!isComparable(entry)) continue
    const key = entryKey(entry)
    const known = named.get(key)
    if (known) known.push(entry)
    else named.set(key, [entry])
  }
  return named
}

function definitionsOf(entries: readonly ArchiveEntry[]): string {
  return entries
    .map(entry => entry.definition)
    .sort()
    .join('\0')
}
