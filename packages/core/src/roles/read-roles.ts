import { BackupError } from '../errors/backup-error.js'

/** A server of many customers has some thousand roles of a hundred bytes each. */
export const maxRolesBytes = 64 * 2 ** 20

/** What pg_dumpall writes when it came to its end. */
const completed = '-- PostgreSQL database cluster dump complete'

/**
 * Checks that roles are whole, by the comment that pg_dumpall ends with.
 * @returns how many there are
 * @throws BackupError `archive-truncated`
 */
export function checkRoles(sql: Buffer): number {
  const text = sql.toString()
  if (!text.slice(-400).includes(`\n${completed}\n`))
    throw new BackupError('archive-truncated', 'the roles are cut short: pg_dumpall did not come to its end', {
      hint: 'use another backup or destination',
    })
  return statementsOf(text).filter(one => one.startsWith('CREATE ROLE ')).length
}

/** The statements, each without what surrounds it: comments, settings of the session, and psql's own commands. */
export function statementsOf(text: string): string[] {
  const statements: string[] = []
  let statement = ''
  for (const line of text.split('\n')) {
    if (statement === '' && (line.trim() === '' || line.startsWith('--') || line.startsWith('\\'))) continue
    statement = statement === '' ? line : `${statement}\n${line}`
    if (!isWhole(statement)) continue
    statements.push(statement.replace(/;\s*$/, ''))
    statement = ''
  }
  return statements.filter(one => !/^SET /.test(one))
}

/** Whether a statement ends here: a semicolon at the end of a line, in no quotes. */
function isWhole(statement: string): boolean {
  if (!statement.endsWith(';')) return false
  const withoutEscaped = statement.replace(/E'(?:[^'\\]|\\.|'')*'/gs, '')
  return (withoutEscaped.match(/'/g)?.length ?? 0) % 2 === 0 && (withoutEscaped.match(/"/g)?.length ?? 0) % 2 === 0
}
