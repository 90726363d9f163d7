import { DatabaseError, escapeIdentifier } from 'pg'
import { BackupError } from '../errors/backup-error.js'
import { connect, databaseError } from '../postgres/connection.js'
import { type ConnectionTarget, withDatabase } from '../postgres/connection-target.js'

/** Makes the database that a restore goes into. @throws BackupError `target-not-empty`, and as sessions do */
export async function createDatabase(target: ConnectionTarget, signal: AbortSignal | undefined): Promise<void> {
  const server = withDatabase(target, 'postgres')
  const client = await connect(server, signal)
  try {
    await client.query(`create database ${escapeIdentifier(target.database)} template template0 encoding 'UTF8'`)
  } catch (error) {
    if (isThereAlready(error))
      throw new BackupError('target-not-empty', `${target.description} was made by somebody else a moment ago`, {
        cause: error,
        hint: 'is another restore running? Name a database of its own',
      })
    throw databaseError(error, server, signal)
  } finally {
    await client.end()
  }
}

/** Of two that make it at one time, the index of names stops one before the check for a database of that name does. */
function isThereAlready(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false
  return error.code === '42P04' || (error.code === '23505' && error.constraint === 'pg_database_datname_index')
}

/** Drops it again, whoever is connected. */
export async function dropDatabase(target: ConnectionTarget): Promise<void> {
  const client = await connect(withDatabase(target, 'postgres'))
  try {
    await client.query(`drop database if exists ${escapeIdentifier(target.database)} with (force)`)
  } finally {
    await client.end()
  }
}
