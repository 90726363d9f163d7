import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { BackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import { type ConnectionTarget, libpqEnvironment, redact } from '../postgres/connection-target.js'
import type { PgTools } from '../postgres/find-pg-tools.js'
import type { ByteSource } from '../streams/byte-source.js'
import { withLongWrites } from './long-writes.js'

export interface DumpOptions {
  readonly tools: PgTools
  readonly snapshotId?: string | undefined
  readonly schemas?: readonly string[] | undefined
  readonly excludeTableData?: readonly string[] | undefined
  /** Definitions only, no rows. Default: false. */
  readonly schemaOnly?: boolean | undefined
  /** How long to wait for a lock that someone else holds on a table, in ms. Default: ten minutes. */
  readonly lockWaitMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** How long pg_dump waits for a lock that someone else holds on a table: ten minutes. */
const defaultLockWaitMs = 600_000
/** How long an unwanted pg_dump may take to tell the server and go. */
const killAfterMs = 1_000

/**
 * Runs `pg_dump -Fc -Z0` and yields its output. The exit status is part of the stream: it throws *before* it ends when
 * the dump failed.
 * @throws BackupError `dump-failed`, `tool-missing`, `cancelled`
 */
export async function* dumpSource(target: ConnectionTarget, options: DumpOptions): ByteSource {
  const { signal } = options
  const command = await withLongWrites({ file: join(options.tools.folder, 'pg_dump'), args: dumpArguments(options) })
  // Nothing is awaited from here until the signal is listened to: an abort in between would be missed.
  if (signal?.aborted) throw cancellation(signal)
  const child = spawn(command.file, command.args, {
    // Times are written in UTC wherever the server is, so that a restored table can be compared byte by byte.
    env: { ...libpqEnvironment(target), PGTZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = exitOf(child)
  const kill = () => {
    child.kill('SIGTERM')
    // Whatever it does about that, nobody reads on; `stop` sees to its end.
    child.stdout.destroy(new Error('the dump was abandoned'))
  }
  signal?.addEventListener('abort', kill, { once: true })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-8_192)
  })
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer
    const exit = await closed
    if (signal?.aborted) throw cancellation(signal)
    if (exit.status !== 0) throw dumpFailed(exit, redact(words, target))
  } catch (error) {
    if (signal?.aborted) throw cancellation(signal)
    throw child.pid === undefined ? dumpFailed(await closed, '') : error
  } finally {
    signal?.removeEventListener('abort', kill)
    await stop(child)
  }
}

function dumpArguments(options: DumpOptions): string[] {
  return [
    '--format=custom',
    '--compress=0',
    '--no-password',
    '--encoding=UTF8',
    `--lock-wait-timeout=${options.lockWaitMs ?? defaultLockWaitMs}`,
    ...(options.schemaOnly ? ['--schema-only'] : []),
    ...(options.snapshotId === undefined ? [] : [`--snapshot=${options.snapshotId}`]),
    ...(options.schemas ?? []).map(schema => `--schema=${quotePattern(schema)}`),
    ...(options.excludeTableData ?? []).map(
      table => `--exclude-table-data=${table.split('.').map(quotePattern).join('.')}`,
    ),
  ]
}

/** A name as a pattern that matches just that name. */
function quotePattern(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

interface Exit {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly error?: Error
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise(resolve => {
    child.once('error', error => resolve({ status: null, signal: null, error }))
    child.once('close', (status, signal) => resolve({ status, signal }))
  })
}

/** Ends a dump that is no longer wanted; waits for the process itself, not for pipes that a child of it may hold. */
async function stop(child: ChildProcess): Promise<void> {
  child.stdout?.destroy()
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  const giveUp = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  await exited
  clearTimeout(giveUp)
  child.stderr?.destroy()
}

function dumpFailed(exit: Exit, words: string): BackupError {
  if (exit.error) {
    return new BackupError('tool-missing', `pg_dump could not be started: ${exit.error.message}`, {
      cause: exit.error,
      hint: 'check LIFEBOAT_PG_BIN',
    })
  }
  const line = words.split('\n').find(one => /error:|fatal:/i.test(one)) ?? words.trim().split('\n').at(-1) ?? ''
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with status ${exit.status}`
  const said = line.replace(/^pg_dump: /, '').trim()
  return new BackupError('dump-failed', said ? `pg_dump ${how}: ${said}` : `pg_dump ${how}`, { hint: hintFor(said) })
}

function hintFor(said: string): string {
  if (/permission denied/i.test(said)) return 'grant the role pg_read_all_data, or dump as the owner'
  if (/server version mismatch/i.test(said)) return 'install a newer client; `lifeboat doctor` shows which one'
  if (/lock timeout|could not obtain lock/i.test(said))
    return 'something held a lock for ten minutes: see pg_locks, then run again'
  return 'nothing was stored; `lifeboat doctor` checks the connection, then run the backup again'
}
