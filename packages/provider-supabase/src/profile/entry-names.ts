import type { ArchiveEntry } from '@lifeboat/core'

/** The schema that an entry lies in or is about; `COMMENT ON SCHEMA auth` and `GRANT … ON SCHEMA auth` are about `auth`. */
export function schemaOf({ description, namespace, tag }: ArchiveEntry): string | undefined {
  if (namespace !== null && namespace !== '') return namespace
  if (description === 'SCHEMA') return tag
  return /^SCHEMA (.+)$/.exec(tag)?.[1]?.replace(/^"(.*)"$/, '$1')
}

/** What a comment or a grant is about: `EXTENSION`, `EVENT TRIGGER`, `PUBLICATION`, with its name. */
export function subjectOf({ tag }: ArchiveEntry): { readonly kind: string; readonly name: string } | undefined {
  const found = /^(EXTENSION|EVENT TRIGGER|PUBLICATION|SCHEMA|FOREIGN DATA WRAPPER) "?(.+?)"?$/.exec(tag)
  return found ? { kind: found[1]!, name: found[2]! } : undefined
}

/** Roles behind TO and FROM in a grant or a policy. */
export function rolesIn({ description, definition }: ArchiveEntry): string[] {
  if (!/^(ACL|DEFAULT ACL|POLICY)$/.test(description)) return []
  // A policy's conditions may hold any text.
  const head = description === 'POLICY' ? definition.split(/\s(?:USING|WITH CHECK)\s*\(/)[0]! : definition
  const roles = new Set<string>()
  for (const list of head.matchAll(
    /\b(?:TO|FROM|FOR ROLE) ((?:"(?:[^"]|"")+"|[a-z_][\w$]*)(?:, (?:"(?:[^"]|"")+"|[a-z_][\w$]*))*)/g,
  )) {
    for (const name of list[1]!.match(/"(?:[^"]|"")+"|[a-z_][\w$]*/g) ?? [])
      roles.add(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name)
  }
  for (const word of ['public', 'PUBLIC', 'current_user', 'session_user']) roles.delete(word)
  return [...roles]
}

/** The table that a trigger or policy is on, as `schema.table`; undefined for other entries. */
export function tableOf({ description, namespace, tag }: ArchiveEntry): string | undefined {
  if (description !== 'TRIGGER' && description !== 'POLICY' && description !== 'ROW SECURITY') return undefined
  // pg_dump writes `table trigger` as the tag; a policy's the same, and row security's is the table alone.
  const table = description === 'ROW SECURITY' ? tag : tag.split(' ')[0]
  return `${namespace}.${table}`
}
