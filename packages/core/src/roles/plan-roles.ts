import type { PlannedRoleStatement } from '../api/restoring-roles.js'

/** What a target's server and login are like. */
export interface RolesTarget {
  readonly roles: ReadonlySet<string>
  readonly superuser: boolean
  readonly serverMajor: number
}

export interface PlannedRoles {
  readonly creates: readonly string[]
  /** What runs, as it runs. */
  readonly run: readonly string[]
  readonly statements: readonly PlannedRoleStatement[]
  readonly warnings: readonly string[]
}

const name = '("(?:[^"]|"")+"|[^\\s;"]+)'
const created = new RegExp(`^CREATE ROLE ${name}$`)
const altered = new RegExp(`^ALTER ROLE ${name} `)
const commented = new RegExp(`^COMMENT ON ROLE ${name} `)
const granted = new RegExp(`^GRANT ${name} TO ${name}(.*)$`, 's')
/** What only a superuser may give, or take by name. */
const superuserOnly = /\s(NO)?(SUPERUSER|REPLICATION|BYPASSRLS)\b/g

/**
 * Decides which of a backup's role statements run on a target: pure. Roles that the target has stay as they are, so those that a
 * managed service reserves do, too; what a login may not give is left out and said.
 */
export function planRoles(statements: readonly string[], target: RolesTarget): PlannedRoles {
  const creates = statements.flatMap(sql => {
    const role = plainName(created.exec(sql)?.[1])
    return role === undefined || target.roles.has(role) ? [] : [role]
  })
  const fresh = new Set(creates)
  const warnings: string[] = []
  const withoutPassword: string[] = []
  const run: string[] = []
  const planned = statements.map((sql): PlannedRoleStatement => {
    const decided = decide(sql)
    if (decided.skipped === null) run.push(decided.sql)
    return { ...decided, sql: withoutValue(decided.sql) }
  })
  if (withoutPassword.length > 0)
    warnings.push(
      `${withoutPassword.join(', ')} may log in and ${withoutPassword.length === 1 ? 'has' : 'have'} no password: a backup holds none; set new ones`,
    )
  return { creates, run, statements: planned, warnings }

  function decide(sql: string): PlannedRoleStatement {
    const grant = granted.exec(sql)
    if (grant !== null) return decideGrant(sql, grant)
    const role = plainName((created.exec(sql) ?? altered.exec(sql) ?? commented.exec(sql))?.[1])
    if (role === undefined) return { sql, skipped: 'it is no statement about a role that is known here' }
    if (!fresh.has(role)) return { sql, skipped: `the target has ${role}, which stays as it is` }
    if (!/^ALTER ROLE \S.* WITH /s.test(sql)) return { sql, skipped: null }
    if (/\sLOGIN\b/.test(sql)) withoutPassword.push(role)
    if (target.superuser) return { sql, skipped: null }
    const lost = [...sql.matchAll(superuserOnly)].filter(match => match[1] === undefined).map(match => match[2])
    if (lost.length > 0) warnings.push(`${role} is made without ${lost.join(', ')}: only a superuser may give that`)
    return { sql: sql.replace(superuserOnly, ''), skipped: null }
  }

  function decideGrant(sql: string, [, group, member, rest = '']: RegExpExecArray): PlannedRoleStatement {
    const names = [plainName(group), plainName(member)].map(one => one ?? '')
    const missing = names.find(one => !target.roles.has(one) && !fresh.has(one))
    if (missing !== undefined) return { sql, skipped: `there is no role ${missing}` }
    if (!names.some(one => fresh.has(one))) return { sql, skipped: 'the target has both roles, which stay as they are' }
    // Whoever restores grants it; the one who did need not exist, and a login may not grant in the name of others.
    const options = rest.replace(new RegExp(` GRANTED BY ${name}$`), '')
    const kept = target.serverMajor >= 16 ? options : / ADMIN (OPTION|TRUE)/.test(options) ? ' WITH ADMIN OPTION' : ''
    return { sql: `GRANT ${group} TO ${member}${kept}`, skipped: null }
  }
}

function plainName(quoted: string | undefined): string | undefined {
  return quoted?.startsWith('"') ? quoted.slice(1, -1).replaceAll('""', '"') : quoted
}

/** A setting may hold a secret. */
function withoutValue(sql: string): string {
  return sql.replace(/^(ALTER ROLE .*? SET \S+ TO ).*$/s, '$1…')
}
