/** A qualified name as one string; neither part can hold a zero byte. */
export function qualified(schema: string, name: string): string {
  return `${schema}\0${name}`
}

/** What a text of SQL is rewritten by. */
export interface SchemaRename {
  /** The objects that move, by {@link qualified}. */
  readonly moved: ReadonlySet<string>
  readonly to: string
}

const name = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\u{10ffff}][\w$\u0080-\u{10ffff}]*)`
/** One after another: comments, dollar-quoted texts, strings, qualified names, and single names that begin nothing else. */
const token = new RegExp(
  String.raw`--[^\n]*|/\*[\s\S]*?\*/|\$(?<tag>[A-Za-z_\u0080-\u{10ffff}]?[\w\u0080-\u{10ffff}]*)\$[\s\S]*?\$\k<tag>\$` +
    String.raw`|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?<text>(?:[^']|'')*)'(?<cast>::reg(?:class|type|proc|procedure)\b)?` +
    String.raw`|(?<schema>${name})\.(?<object>${name})(?:\.${name})*|${name}`,
  'gu',
)

/**
 * Moves names in a statement as pg_dump writes it (every name qualified) to another schema: of each `schema.object` that moves,
 * and of names in texts that the server resolves (`nextval('s.seq'::regclass)`, `setval('s.seq', …)`). Bodies of
 * functions and other texts stay as they are.
 */
export function renameSchema(sql: string, rename: SchemaRename): string {
  return sql.replace(token, (whole, ...rest) => {
    const groups = rest.at(-1) as Readonly<Record<string, string | undefined>>
    const offset = rest.at(-3) as number
    if (groups.schema !== undefined && groups.object !== undefined) {
      if (!moves(groups.schema, groups.object, rename)) return whole
      return quoted(rename.to) + whole.slice(groups.schema.length)
    }
    if (groups.text === undefined) return whole
    if (groups.cast === undefined && !/\bsetval\($/.test(sql.slice(0, offset))) return whole
    const inner = groups.text.replaceAll("''", "'")
    const renamed = renameSchema(inner, rename)
    return `'${renamed.replaceAll("'", "''")}'${groups.cast ?? ''}`
  })
}

/** Every `schema.object` that a statement names outside texts, and in texts that the server resolves. */
export function namesIn(sql: string): string[] {
  const found: string[] = []
  for (const match of sql.matchAll(token)) {
    const { schema, object, text, cast } = match.groups ?? {}
    if (schema !== undefined && object !== undefined) found.push(qualified(unquoted(schema), unquoted(object)))
    else if (text !== undefined && (cast !== undefined || /\bsetval\($/.test(sql.slice(0, match.index))))
      found.push(...namesIn(text.replaceAll("''", "'")))
  }
  return found
}

function moves(schema: string, object: string, { moved }: SchemaRename): boolean {
  return moved.has(qualified(unquoted(schema), unquoted(object)))
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

function unquoted(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier
}
