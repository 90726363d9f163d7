import { type DatabaseDescription, describeDatabase } from './describe-database.js'

const excerptCharacters = 100

/** Describes two databases and compares them; an empty list means that they are equal. */
export async function compareDatabases(urlA: string, urlB: string): Promise<readonly string[]> {
  const [a, b] = await Promise.all([describeDatabase(urlA), describeDatabase(urlB)])
  return compareDescriptions(a, b)
}

/**
 * Every difference between two descriptions, one line each: the kind, the name, and what differs. An empty list means
 * that they are equal. Between two majors the text of views is not compared, because servers write it differently;
 * their columns and their rows are.
 */
export function compareDescriptions(a: DatabaseDescription, b: DatabaseDescription): readonly string[] {
  const kinds = [...new Set([...Object.keys(a.objects), ...Object.keys(b.objects)])]
  const compared = kinds.filter(kind => kind !== 'view definition' || a.major === b.major)
  return compared.flatMap(kind => compareKind(kind, a.objects[kind] ?? {}, b.objects[kind] ?? {}))
}

function compareKind(kind: string, a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): string[] {
  const label = kind === 'rows' ? 'rows of' : kind
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
  return names.flatMap(name => {
    const [left, right] = [a[name], b[name]]
    if (left === right) return []
    if (right === undefined) return [`${label} ${name}: only in the first`]
    if (left === undefined) return [`${label} ${name}: only in the second`]
    return [`${label} ${name}: ${excerpt(left, right)} | ${excerpt(right, left)}`]
  })
}

/** The part of `text` where it parts from `other`, on one line. */
function excerpt(text: string, other: string): string {
  let common = 0
  while (common < text.length && text[common] === other[common]) common += 1
  const from = text.length <= excerptCharacters ? 0 : Math.max(0, common - 20)
  const part = text.slice(from, from + excerptCharacters)
  return JSON.stringify(`${from > 0 ? '…' : ''}${part}${from + excerptCharacters < text.length ? '…' : ''}`)
}
