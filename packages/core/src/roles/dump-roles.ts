import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import type { EventListener } from '../events/backup-event.js'
import { type ConnectionTarget, libpqEnvironment, redact } from '../postgres/connection-target.js'
import type { PgTools } from '../postgres/find-pg-tools.js'
import { checkRoles, maxRolesBytes } from './read-roles.js'

/** The roles of a server as SQL, without passwords, and whole. */
export interface DumpedRoles {
  readonly sql: Buffer
  readonly count: number
}

interface RolesContext {
  readonly target: ConnectionTarget
  readonly tools: PgTools
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}

/**
 * The server's roles, where they are wanted; with `auto` a login that may not read them gives a warning, not a failure.
 * @throws BackupError `roles-failed`, `cancelled`
 */
export async function dumpRoles(wanted: boolean | 'auto', context: RolesContext): Promise<DumpedRoles | undefined> {
  if (wanted === false) return undefined
  try {
    return await runPgDumpall(context)
  } catch (error) {
    if (wanted === true || context.signal?.aborted) throw error
    const message = error instanceof Error ? error.message : String(error)
    context.emit({ type: 'warning.raised', message: `the backup is without roles: ${message}` })
    return undefined
  }
}

/** Runs `pg_dumpall --roles-only --no-role-passwords`, which never reads a password. */
async function runPgDumpall({ target, tools, signal }: RolesContext): Promise<DumpedRoles> {
  const file = join(tools.folder, 'pg_dumpall')
  await access(file, constants.X_OK).catch((error: unknown) => {
    throw failed(`there is no pg_dumpall beside pg_dump in ${tools.folder}`, error)
  })
  const child = spawn(file, ['--roles-only', '--no-role-passwords', '--no-password', `--database=${target.database}`], {
    env: libpqEnvironment(target),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  // Met below, when the output has been read; until then it must not count as unhandled.
  exited.catch(() => {})
  const chunks: Buffer[] = []
  let bytes = 0
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-8_192)
  })
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxRolesBytes) child.kill()
    else chunks.push(chunk)
  })
  const status = await exited.catch((error: unknown) => {
    throw signal?.aborted ? cancellation(signal) : failed('pg_dumpall could not be started', error)
  })
  if (bytes > maxRolesBytes) throw failed(`pg_dumpall wrote more than ${maxRolesBytes} bytes of roles`)
  if (status !== 0) {
    const line = words.split('\n').find(one => /error:|fatal:/i.test(one)) ?? words.trim().split('\n').at(-1) ?? ''
    throw failed(
      `pg_dumpall ended with status ${status}: ${redact(line, target)
        .replace(/^pg_dumpall: /, '')
        .trim()}`,
    )
  }
  // The manifest shows a hash of it in clear, with which nobody shall confirm a guess at a setting.
  const salt = Buffer.from(`-- ${randomBytes(32).toString('hex')}\n`)
  const sql = Buffer.concat([salt, ...chunks])
  return { sql, count: checkRoles(sql) }
}

function failed(message: string, cause?: unknown): BackupError {
  return new BackupError('roles-failed', message, {
    cause,
    hint: "grant the login pg_read_all_data, or set source.roles to 'auto' or false",
  })
}
