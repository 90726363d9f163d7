import { BackupError } from '../errors/backup-error.js'

/** What `--table` names: tables of one name or many, in one schema or any. */
export interface TablePattern {
  readonly text: string
  matches(schema: string | null, name: string): boolean
}

/**
 * Reads a pattern as psql's `\d` and `pg_dump -t` do: `schema.name` or `name` (in any schema), `*` for any characters, `?` for
 * one, upper case folded to lower, and double quotes around what is meant as it stands.
 * Source: https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-PATTERNS (its regular expressions are not known here).
 * @throws BackupError `selection-invalid`
 */
export function parseTablePattern(text: string): TablePattern {
  const refuse = (why: string) =>
    new BackupError('selection-invalid', `${JSON.stringify(text)} names no table: ${why}`, {
      hint: 'write schema.name, sales.*, or "Quoted.Name" for a name with upper case, dots or quotes',
    })
  const parts: string[] = ['']
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    const last = parts.length - 1
    if (char === '"') {
      if (quoted && text[at + 1] === '"') {
        parts[last] += '"'
        at++
      } else quoted = !quoted
    } else if (quoted) parts[last] += escapeRegex(char)
    else if (char === '.') parts.push('')
    else if (char === '*') parts[last] += '.*'
    else if (char === '?') parts[last] += '.'
    else parts[last] += escapeRegex(char.toLowerCase())
  }
  if (quoted) throw refuse('a double quote is not closed')
  if (parts.length > 2) throw refuse('it has more than one dot')
  if (parts.includes('')) throw refuse('a part of it is empty')
  const [schema, name] = parts.map(part => new RegExp(`^(?:${part})$`, 'su'))
  return {
    text,
    matches: (inSchema, table) =>
      name === undefined ? schema!.test(table) : schema!.test(inSchema ?? '') && name.test(table),
  }
}

function escapeRegex(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char
}
