import { escapeIdentifier } from 'pg'
import type { DefaultPrivilege } from './inspect-for-profile.js'
import type { ProfileStatement } from './restore-profile.js'

/**
 * Statements that keep a target's default privileges from widening what is restored: a table that the source had closed
 * would otherwise be open to whom the target's defaults name. The archive brings the source's own defaults at its end.
 */
export function setDefaultPrivilegesAside(privileges: readonly DefaultPrivilege[]): ProfileStatement[] {
  return privileges.map(({ schema, objects, grantee, privileges: granted }) => {
    const where = schema === null ? '' : ` IN SCHEMA ${escapeIdentifier(schema)}`
    const head = `ALTER DEFAULT PRIVILEGES${where}`
    const who = escapeIdentifier(grantee)
    return {
      sql: `${head} REVOKE ALL ON ${objects} FROM ${who}`,
      undo: `${head} GRANT ${granted.join(', ')} ON ${objects} TO ${who}`,
      why: `new ${objects.toLowerCase()}${schema === null ? '' : ` in ${schema}`} give ${grantee} nothing until the backup says so`,
    }
  })
}
