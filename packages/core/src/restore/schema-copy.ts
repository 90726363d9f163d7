import type pg from 'pg'
import type { ArchiveEntry } from '../archive/archive-header.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import { dropStatements } from './drop-tables.js'
import { namesIn, qualified, quoted, renameSchema } from './rename-schema.js'
import { movedNames } from './select-part.js'

/** Statements of pg_dump mean what they say in a session that is set up as pg_restore's. */
const sessionSettings = `set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;
set client_encoding = 'UTF8'; set standard_conforming_strings = on; set check_function_bodies = false;
set xmloption = content; set client_min_messages = warning; set row_security = off;
select pg_catalog.set_config('search_path', '', false)`

/** What makes a copy of some of an archive's objects in a schema of their own. */
export interface SchemaCopy {
  readonly schema: string
  /** The schema, and the definitions that need no rows; all or nothing. */
  createDefinitions(signal?: AbortSignal): Promise<void>
  /** The entry with whose COPY statement the rows go into the copy. @throws BackupError `selection-invalid` */
  placeRows(entry: ArchiveEntry): ArchiveEntry
  /** Values of sequences, then indexes, constraints, comments, materialized views. */
  finish(signal?: AbortSignal): Promise<void>
  /** Undoes `createDefinitions`. @returns whether nothing is left of it */
  remove(): Promise<boolean>
}

export interface SchemaCopyOptions {
  readonly entries: readonly ArchiveEntry[]
  readonly kept: readonly ArchiveEntry[]
  readonly schema: string
  /** The schema may hold objects of these names: they are dropped first. */
  readonly overwrite: boolean
}

/** Plans a copy: every statement is rewritten, and must name no table of the backup outside the copy. */
export function planSchemaCopy(target: ConnectionTarget, options: SchemaCopyOptions): SchemaCopy {
  const { kept, schema, overwrite } = options
  const moved = movedNames(kept)
  const live = new Set(
    options.entries
      .filter(entry => /^(TABLE|FOREIGN TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE)$/.test(entry.description))
      .map(entry => qualified(entry.namespace ?? '', entry.tag))
      .filter(name => !moved.has(name)),
  )
  const before = kept.filter(entry => entry.section === 'pre-data').map(statementOf)
  const values = kept.filter(entry => entry.section === 'data' && entry.definition !== '').map(statementOf)
  const after = kept.filter(entry => entry.section === 'post-data' || entry.section === 'none').map(statementOf)
  let created = false

  return {
    schema,
    createDefinitions: signal =>
      inSession(target, signal, async client => {
        const exists = await client.query('select from pg_namespace where nspname = $1', [schema])
        await client.query('begin')
        if (exists.rowCount === 0) await client.query(`create schema ${quoted(schema)}`)
        else if (overwrite) await dropNamed(client, kept, schema)
        for (const statement of before) await client.query(statement)
        await client.query('commit')
        created = exists.rowCount === 0
      }),
    placeRows: entry => ({ ...entry, namespace: schema, copyStatement: rewrite(entry, entry.copyStatement ?? '') }),
    finish: signal =>
      inSession(target, signal, async client => {
        for (const statement of [...values, ...after]) {
          throwIfCancelled(signal)
          await client.query(statement)
        }
      }),
    async remove() {
      if (!created) return false
      // Nothing of the database can depend on a schema that was made a moment ago, unless somebody made it so.
      return inSession(target, undefined, client => client.query(`drop schema ${quoted(schema)} cascade`)).then(
        () => true,
        // The failure that led here is the one to report; that the schema stays is said with it.
        () => false,
      )
    },
  }

  function statementOf(entry: ArchiveEntry): string {
    return rewrite(entry, entry.definition)
  }

  function rewrite(entry: ArchiveEntry, sql: string): string {
    const text = renameSchema(sql, { moved, to: schema })
    const outside = namesIn(text).find(name => live.has(name))
    if (outside === undefined) return text
    throw new BackupError(
      'selection-invalid',
      `${entry.description.toLowerCase()} ${entry.tag} names ${outside.replace('\0', '.')}, which is not restored: the live table would be touched`,
      { hint: 'name that table with another --table as well' },
    )
  }
}

async function inSession<T>(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connect(target, signal)
  try {
    await client.query(sessionSettings)
    return await work(client)
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}

/** Of an earlier copy what has the same names; something else that depends on it makes this fail. */
async function dropNamed(client: pg.Client, kept: readonly ArchiveEntry[], schema: string): Promise<void> {
  for (const statement of dropStatements(kept, schema)) await client.query(statement)
  const moved = movedNames(kept)
  for (const entry of [...kept].reverse()) {
    if (!/^DROP (FUNCTION|PROCEDURE|AGGREGATE|TYPE|DOMAIN) /.test(entry.dropStatement)) continue
    await client.query(
      renameSchema(entry.dropStatement, { moved, to: schema }).replace(/^(DROP \w+) /, '$1 IF EXISTS '),
    )
  }
}
