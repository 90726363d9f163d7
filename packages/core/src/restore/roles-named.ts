import type { ArchiveEntry } from '../archive/archive-header.js'

/** Roles behind `TO` and `FROM` in grants and policies. */
export function rolesNamed(entries: readonly ArchiveEntry[], kind: RegExp): Set<string> {
  const roles = new Set<string>()
  for (const entry of entries) {
    if (!kind.test(entry.description)) continue
    const head =
      entry.description === 'POLICY' ? entry.definition.split(/\s(?:USING|WITH CHECK)\s*\(/)[0]! : entry.definition
    for (const match of head.matchAll(
      /\b(?:TO|FROM|FOR ROLE) ((?:"(?:[^"]|"")+"|[a-z_][\w$]*)(?:, (?:"(?:[^"]|"")+"|[a-z_][\w$]*))*)/g,
    )) {
      for (const name of match[1]!.match(/"(?:[^"]|"")+"|[a-z_][\w$]*/g) ?? []) {
        roles.add(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name)
      }
    }
  }
  for (const word of ['public', 'current_user', 'session_user']) roles.delete(word)
  return roles
}
