import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import type { ArchiveEntry } from '../archive/archive-header.js'
import type { CountedTable } from '../archive/archive-scanner.js'
import { invalid } from '../archive/front-reader.js'
import { BackupError } from '../errors/backup-error.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import { copyTarget } from './copy-target.js'
import type { RowSink } from './load-archive.js'

/** As pg_restore sets up a session before it loads data. */
const sessionSettings = `set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;
set client_encoding = 'UTF8'; set standard_conforming_strings = on; set check_function_bodies = false;
set xmloption = content; set client_min_messages = warning; set row_security = off;
select pg_catalog.set_config('search_path', '', false)`

interface Load {
  readonly stream: ReturnType<typeof copyFrom>
  /** What the stream writes to. */
  readonly socket: Writable
  readonly done: Promise<void>
  /** What was sent, once all of it was. */
  sent: CountedTable | undefined
}

/**
 * Loads tables over several sessions, in the order in which their rows pass: while one session still digests the end
 * of its table, the next table already flows into another.
 */
export class CopyLoader implements RowSink {
  readonly #target: ConnectionTarget
  readonly #idle: pg.Client[]
  readonly #all: readonly pg.Client[]
  readonly #busy = new Set<Promise<void>>()
  readonly #created: ReadonlySet<number>
  #current: Load | undefined
  #failure: unknown

  private constructor(target: ConnectionTarget, clients: readonly pg.Client[], created: ReadonlySet<number>) {
    this.#target = target
    this.#all = clients
    this.#idle = [...clients]
    this.#created = created
  }

  static async open(
    target: ConnectionTarget,
    options: {
      readonly sessions: number
      readonly created: ReadonlySet<number>
      /** Switch triggers off, where the login may: the tables are somebody's, not just made. Default: false. */
      readonly quiet?: boolean | undefined
      readonly signal?: AbortSignal | undefined
    },
  ): Promise<CopyLoader> {
    const clients: pg.Client[] = []
    try {
      let sessions = options.sessions
      while (clients.length < sessions) {
        const client = await connect(target, options.signal)
        clients.push(client)
        await client.query(sessionSettings)
        // Keys stay on for a login that may not switch them off: a table is committed before what refers to it begins.
        if (options.quiet && !(await switchTriggersOff(client))) sessions = 1
      }
    } catch (error) {
      await Promise.allSettled(clients.map(client => client.end()))
      throw databaseError(error, target, options.signal)
    }
    return new CopyLoader(target, clients, options.created)
  }

  async start(entry: ArchiveEntry): Promise<void> {
    while (this.#idle.length === 0) await Promise.race(this.#busy)
    this.#throwFailure()
    const statement = entry.copyStatement?.trim()
    if (!statement || !/^COPY .* FROM stdin;?$/is.test(statement))
      throw invalid(`the data of ${entry.tag} has no COPY statement`)
    const client = this.#idle.pop()!
    const copy = statement.replace(/;$/, '')
    const freeze = this.#created.has(entry.dumpId)
    if (freeze) {
      // Emptied in the same transaction, its rows may be written frozen: no later vacuum, no hint bits to set.
      await client.query('begin').catch(this.#wrap)
      await client.query(`truncate only ${copyTarget(copy).quoted}`).catch(this.#wrap)
    }
    const stream = client.query(copyFrom(freeze ? `${copy} with (freeze)` : copy))
    const ended = new Promise<void>((resolve, reject) => {
      stream.once('finish', resolve)
      // Stays: a stream that has failed fails again when it is ended or destroyed, which nobody needs to hear.
      stream.on('error', reject)
    })
    const load = { stream, socket: client.connection.stream, sent: undefined as CountedTable | undefined }
    const done = ended
      .then(async () => {
        if (load.sent !== undefined && stream.rowCount !== load.sent.rows) throw rowsLost(load.sent, stream.rowCount)
        if (freeze) await client.query('commit')
        this.#idle.push(client)
      })
      .catch((error: unknown) => {
        this.#failure ??= error
        this.#idle.push(client)
        // Else it sends what it holds once the socket has room, over a session that it has let go.
        stream.destroy()
      })
      .finally(() => this.#busy.delete(done))
    this.#busy.add(done)
    this.#current = Object.assign(load, { done })
  }

  /**
   * Takes row bytes, which may change once the promise is resolved. Long ones are sent as they lie: a copy of every row of a
   * database is a gigabyte after the other for the garbage collector.
   */
  async rows(bytes: Uint8Array): Promise<void> {
    this.#throwFailure()
    const { stream, done, socket } = this.#current!
    if (bytes.byteLength > socket.writableHighWaterMark) {
      // More than the socket takes at once: its callback means that the kernel has all of it.
      await Promise.race([new Promise<void>(resolve => stream.write(bytes, () => resolve())), done])
    } else if (!stream.write(Buffer.from(bytes))) {
      // A failure is met below: `done` keeps it.
      await Promise.race([once(stream, 'drain').catch(() => {}), done])
    }
    this.#throwFailure()
  }

  finishTable(table: CountedTable): void {
    this.#throwFailure()
    this.#current!.sent = table
    this.#current!.stream.end()
    this.#current = undefined
  }

  /** Resolves once every table is in. */
  async finish(): Promise<void> {
    await Promise.all(this.#busy)
    this.#throwFailure()
  }

  async close(): Promise<void> {
    this.#current?.stream.destroy()
    await Promise.allSettled(this.#all.map(client => client.end()))
  }

  readonly #wrap = (error: unknown): never => {
    throw databaseError(error, this.#target)
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw databaseError(this.#failure, this.#target)
  }
}

/** A trigger of the target may keep rows out; nothing of the backup does. */
function rowsLost({ schema, name, rows }: CountedTable, taken: number): BackupError {
  return new BackupError('counts-differ', `the target took ${taken} of the ${rows} rows of ${schema}.${name}`, {
    hint: 'does a trigger of the target keep rows out? restore as a role that may switch triggers off',
  })
}

/** @returns false where the login lacks the privilege; the plan has warned of it */
async function switchTriggersOff(client: pg.Client): Promise<boolean> {
  try {
    await client.query('set session_replication_role = replica')
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '42501') return false
    throw error
  }
}
