import type { ContentsEntry, NeededEntry, RestorePart, RestorePlan } from '@lifeboat/core'
import { oneLine } from './one-line.js'
import { formatCount } from './quantities.js'

const shown = 12

/** `sales.orders`, quoted where `--table` would need it. */
export function qualifiedName({ schema, name }: Pick<ContentsEntry, 'schema' | 'name'>): string {
  const part = (text: string) => (/^[a-z_][a-z0-9_$]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`)
  // A function's name carries its arguments.
  const last = /\)$/.test(name) ? name : part(name)
  return schema === null ? last : `${part(schema)}.${last}`
}

/** The lines of a plan about a part of a backup. */
export function partFields(part: RestorePart): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = []
  if (part.chosen !== null) fields.push(['tables', listOf(part.chosen.map(qualifiedName))])
  if (part.only !== null)
    fields.push([
      'only',
      part.only === 'schema' ? 'definitions, no rows' : 'rows, into tables that exist and are empty',
    ])
  if (part.intoSchema !== null)
    fields.push(['schema', oneLine(`${part.intoSchema}: a copy, live tables are not touched`)])
  return fields
}

/** What comes along, what is there already and what is left out, each with its reason. */
export function partLines(part: RestorePart, skipped: RestorePlan['skipped']): string[] {
  return [
    ...neededLines('comes along', part.required),
    ...neededLines('stays as it is in the target', part.reused),
    ...limited(skipped.map(({ entry, reason }) => `  left out: ${oneLine(`${entry}: ${reason}`)}`)),
    ...(part.offered.some(one => one.neededBy.kind === 'FK CONSTRAINT')
      ? ['  (--with-referenced takes along the tables of foreign keys)']
      : []),
  ]
}

export function neededLines(what: string, needed: readonly NeededEntry[]): string[] {
  return limited(
    needed.map(one => {
      const by = `${one.neededBy.kind.toLowerCase()} ${one.neededBy.name}`
      return `  ${what}: ${one.kind.toLowerCase()} ${oneLine(`${qualifiedName(one)}, for ${by}`)}`
    }),
  )
}

/** What people count, and how it is called. */
const nouns: readonly (readonly [string, string, string])[] = [
  ['TABLE', 'table', 'tables'],
  ['VIEW', 'view', 'views'],
  ['MATERIALIZED VIEW', 'materialized view', 'materialized views'],
  ['SEQUENCE', 'sequence', 'sequences'],
  ['FUNCTION', 'function', 'functions'],
  ['TYPE', 'type', 'types'],
  ['INDEX', 'index', 'indexes'],
  ['FK CONSTRAINT', 'foreign key', 'foreign keys'],
  ['TRIGGER', 'trigger', 'triggers'],
  ['POLICY', 'policy', 'policies'],
  ['EXTENSION', 'extension', 'extensions'],
]

/** `3 tables, 2 views, 14 indexes` */
export function kindsLine(kinds: Readonly<Record<string, number>>): string {
  const counted = nouns.flatMap(([kind, one, many]) => {
    const count = kinds[kind] ?? 0
    return count === 0 ? [] : [`${formatCount(count)} ${count === 1 ? one : many}`]
  })
  return counted.length === 0 ? 'nothing' : counted.join(', ')
}

function listOf(names: readonly string[]): string {
  const more = names.length > shown ? ` and ${names.length - shown} more` : ''
  return oneLine(`${names.slice(0, shown).join(', ')}${more}`)
}

function limited(lines: readonly string[]): string[] {
  if (lines.length <= shown) return [...lines]
  return [...lines.slice(0, shown), `  and ${lines.length - shown} more (--json has all)`]
}
