import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { BackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import { type ConnectionTarget, libpqEnvironment, redact } from '../postgres/connection-target.js'
import type { PgTools } from '../postgres/find-pg-tools.js'

/** One statement that pg_restore could not run. */
export interface RestoreComplaint {
  readonly message: string
  readonly command: string
}

interface Tolerance {
  readonly message: RegExp
  readonly command?: RegExp
}

/**
 * Complaints that leave nothing out, or only what the target's roles do not allow. Each becomes a warning; any other
 * complaint fails the restore.
 */
const tolerated: readonly Tolerance[] = [
  // pg_restore 17 and newer set it at once; a server before 17 does not know it.
  { message: /unrecognized configuration parameter "transaction_timeout"/ },
  { message: /schema "[^"]+" already exists/ },
  { message: /role "[^"]+" does not exist/, command: /^(GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|ALTER .* OWNER TO)/ },
  { message: /must be owner of (extension|schema)/, command: /^COMMENT ON (EXTENSION|SCHEMA)/ },
]

/** Besides, where a part of a backup comes back to a database that has moved on since: its rows matter more. */
export const toleratedInPart: readonly Tolerance[] = [
  { message: /violates foreign key constraint/, command: /^ALTER TABLE .* ADD CONSTRAINT .* FOREIGN KEY/ },
]

/** So many characters of its words are read, and judged. */
const mostWords = 4 * 2 ** 20

interface Exit {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly error?: Error
}

/**
 * Runs pg_restore against a target.
 * @returns the complaints that were tolerated
 * @throws BackupError `restore-failed`, naming the first complaint that was not
 */
export async function runPgRestore(
  tools: PgTools,
  target: ConnectionTarget,
  work: {
    readonly file: string
    readonly options: readonly string[]
    /** More complaints to tolerate. */
    readonly tolerate?: readonly Tolerance[] | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<RestoreComplaint[]> {
  const { signal } = work
  if (signal?.aborted) throw cancellation(signal)
  const child = spawn(
    join(tools.folder, 'pg_restore'),
    ['--no-password', `--dbname=${dbnameArgument(target)}`, ...work.options, work.file],
    {
      env: libpqEnvironment(target),
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(signal ? { signal, killSignal: 'SIGTERM' as const } : {}),
    },
  )
  let words = ''
  let unread = false
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (words.length < mostWords) words += text
    else unread = true
  })
  const exit = await new Promise<Exit>(resolve => {
    child.once('error', error => resolve({ status: null, signal: null, error }))
    child.once('close', (status, signal) => resolve({ status, signal }))
  })
  if (signal?.aborted) throw cancellation(signal)
  const said = redact(words, target)
  const complaints = parseComplaints(said)
  const serious = complaints.filter(one => ![...tolerated, ...(work.tolerate ?? [])].some(rule => matches(rule, one)))
  if (serious.length > 0) {
    const first = serious[0]!
    const more = serious.length > 1 ? ` (and ${serious.length - 1} more)` : ''
    // The server's, not this machine's: pg_restore writes nothing here.
    const code = serious.some(one => /No space left on device/.test(one.message)) ? 'disk-full' : 'restore-failed'
    throw new BackupError(code, `pg_restore: ${first.message}, at: ${first.command.slice(0, 120)}${more}`, {
      hint: hintFor(first),
    })
  }
  // By itself it ends with 1 when it complained; otherwise it did not come to its end.
  if (exit.status !== 0 && (exit.status !== 1 || complaints.length === 0)) {
    const line =
      said
        .trim()
        .split('\n')
        .at(-1)
        ?.replace(/^pg_restore: (error: )?/, '') ?? ''
    throw new BackupError(
      'restore-failed',
      exit.error
        ? `pg_restore could not be started: ${exit.error.message}`
        : `pg_restore ${exit.signal ? `was ended by ${exit.signal}` : `ended with status ${exit.status}`}: ${line}`,
      { cause: exit.error },
    )
  }
  if (unread)
    throw new BackupError('restore-failed', 'pg_restore complained of so much that not all of it was read', {
      hint: `the first of it: ${complaints[0]?.message ?? ''}; see to that, then restore again`,
    })
  return complaints
}

/** Splits pg_restore's words into one complaint per failed statement. */
export function parseComplaints(words: string): RestoreComplaint[] {
  const complaints: RestoreComplaint[] = []
  for (const part of words.split(/^pg_restore: error: /m).slice(1)) {
    const message = part
      .split('\n')[0]!
      .replace(/^could not execute query: (ERROR: *)?/, '')
      .trim()
    const command =
      /^Command was: ([\s\S]*?)(?=^pg_restore: |$(?![\s\S]))/m.exec(part)?.[1]?.trim().replace(/\s+/g, ' ') ?? ''
    complaints.push({ message, command })
  }
  return complaints
}

function matches(rule: Tolerance, { message, command }: RestoreComplaint): boolean {
  return rule.message.test(message) && (rule.command === undefined || rule.command.test(command))
}

/** A connection string without any secret: pg_restore needs --dbname, the rest comes from the environment. */
function dbnameArgument(target: ConnectionTarget): string {
  return `dbname='${target.database.replace(/[\\']/g, '\\$&')}'`
}

function hintFor(complaint: RestoreComplaint): string {
  if (/No space left on device/.test(complaint.message))
    return "free space on the server's disk, or restore into another server"
  if (/role "[^"]+" does not exist/.test(complaint.message))
    return 'create the role on the target first, then restore again'
  if (/extension/.test(complaint.message)) return 'install the extension on the target server, then restore again'
  if (/permission denied|must be/.test(complaint.message))
    return 'restore as a role that may do this, such as the database owner'
  return 'the target is not complete; drop it and restore again'
}
