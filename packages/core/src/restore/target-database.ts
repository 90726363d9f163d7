import { escapeIdentifier } from 'pg'
import { connect, databaseError } from '../postgres/connection.js'
import { type ConnectionTarget, withDatabase } from '../postgres/connection-target.js'

/** Makes the database that a restore goes into. @throws BackupError as sessions do */
export async function createDatabase(target: ConnectionTarget, signal: AbortSignal | undefined): Promise<void> {
  const server = withDatabase(target, 'postgres')
  const client = await connect(server, signal)
  try {
    await client.query(`create database ${escapeIdentifier(target.database)} template template0 encoding 'UTF8'`)
  } catch (error) {
    throw databaseError(error, server, signal)
  } finally {
    await client.end()
  }
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
