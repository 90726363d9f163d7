import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import type { ProfileStatement } from './restore-profile.js'

/** Runs what a profile prepares, all of it or nothing. */
export async function runProfileStatements(
  target: ConnectionTarget,
  statements: readonly ProfileStatement[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (statements.length === 0) return
  const client = await connect(target, signal)
  try {
    await client.query('begin')
    for (const { sql } of statements) await client.query(sql)
    await client.query('commit')
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}

/** Puts back what was only set aside. Resolves to whether all of it worked. */
export async function undoProfileStatements(
  target: ConnectionTarget,
  statements: readonly ProfileStatement[],
): Promise<boolean> {
  const undos = statements.flatMap(one => one.undo ?? [])
  if (undos.length === 0) return true
  try {
    const client = await connect(target)
    try {
      await client.query('begin')
      for (const sql of undos) await client.query(sql)
      await client.query('commit')
      return true
    } finally {
      await client.end()
    }
  } catch {
    // The failure that led here is the one to report; that this was not put back is said with it.
    return false
  }
}
