import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import pg from 'pg'
import { BackupError } from '../errors/backup-error.js'
import { cancellation } from '../errors/cancelled.js'
import { type ConnectionTarget, redact } from './connection-target.js'

/**
 * Opens a session. It ends at once when `signal` aborts, whatever it is waiting for.
 * @throws BackupError `database-unreachable`, `database-auth-failed`, `database-refused`, `config-invalid`
 */
export async function connect(target: ConnectionTarget, signal?: AbortSignal): Promise<pg.Client> {
  const mode = target.sslMode ?? 'prefer'
  const secure = mode !== 'disable' && !target.host.startsWith('/')
  try {
    return await open(target, secure ? sslOptions(target, mode) : false, signal)
  } catch (error) {
    const plainAllowed = mode === 'prefer' || mode === 'allow'
    if (secure && plainAllowed && error instanceof Error && /does not support SSL/i.test(error.message)) {
      try {
        return await open(target, false, signal)
      } catch (second) {
        throw databaseError(second, target, signal)
      }
    }
    throw databaseError(error, target, signal)
  }
}

async function open(
  target: ConnectionTarget,
  ssl: pg.ClientConfig['ssl'],
  signal: AbortSignal | undefined,
): Promise<pg.Client> {
  signal?.throwIfAborted()
  // A socket of our own: `client.end()` waits for the server, and while connecting its promise then never settles.
  const socket = new Socket()
  const client = new pg.Client({
    stream: () => socket,
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    database: target.database,
    options: target.options,
    ssl,
    application_name: 'lifeboat',
    connectionTimeoutMillis: 15_000,
    keepAlive: true,
  })
  // A connection lost between two queries is reported by the next one; without a listener it would end the process.
  client.on('error', () => {})
  const abandon = () => void socket.destroy(new Error('the session was abandoned'))
  signal?.addEventListener('abort', abandon, { once: true })
  socket.once('close', () => signal?.removeEventListener('abort', abandon))
  try {
    await client.connect()
    return client
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function sslOptions(target: ConnectionTarget, mode: string): pg.ClientConfig['ssl'] {
  const ca = readRootCert(target)
  if (mode === 'verify-full') return { rejectUnauthorized: true, ca }
  if (mode === 'verify-ca') return { rejectUnauthorized: true, ca, checkServerIdentity: () => undefined }
  return { rejectUnauthorized: false }
}

/** @throws BackupError `config-invalid` */
function readRootCert({ sslRootCert }: ConnectionTarget): Buffer | undefined {
  if (sslRootCert === undefined || sslRootCert === 'system') return undefined
  try {
    return readFileSync(sslRootCert)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new BackupError('config-invalid', `cannot read the certificates ${sslRootCert}: ${code}`, {
      cause: error,
      hint: 'correct sslrootcert in the database address',
    })
  }
}

/** Wraps a raw error of a session once. */
export function databaseError(error: unknown, target: ConnectionTarget, signal?: AbortSignal): BackupError {
  if (error instanceof BackupError) return error
  if (signal?.aborted) return cancellation(signal)
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  const said = redact(error instanceof Error ? error.message || code : String(error), target)
  const at = target.description
  if (/^28/.test(code)) {
    return new BackupError('database-auth-failed', `${at} refused the login of ${target.user}: ${said}`, {
      cause: error,
      hint: 'check user and password in the source address',
    })
  }
  if (code === '3D000') {
    return new BackupError('database-refused', `there is no database ${JSON.stringify(target.database)} on ${at}`, {
      cause: error,
      hint: 'check the name at the end of the address; a restore can create it with --create',
    })
  }
  if (code === '53100') {
    return new BackupError('disk-full', `${at} has no room left on its disk: ${said}`, {
      cause: error,
      hint: "free space on the server's disk, or take another server",
    })
  }
  // A statement that the server ended by one of its own timeouts was answered.
  const answered = code === '57014' || code === '55P03'
  const lost =
    /^(E[A-Z]+|08...|57P0.|53300)$/.test(code) || /timeout|terminated|ECONN|socket|connection error/i.test(said)
  if (lost && !answered) {
    return new BackupError('database-unreachable', `cannot reach ${at}: ${said}`, {
      cause: error,
      hint: "check host, port and network; Supabase's direct host answers on IPv6 only (its session pooler, port 5432, on both)",
    })
  }
  const hint = /does not support SSL/i.test(said)
    ? 'set up TLS on the server; over a network you trust sslmode=prefer in the address does without'
    : undefined
  return new BackupError('database-refused', `${at} answered: ${said}`, { cause: error, hint })
}
