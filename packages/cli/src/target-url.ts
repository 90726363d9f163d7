import { BackupError } from '@lifeboat/core'
import { UsageError } from './usage-error.js'

/** Where a restore goes. */
export interface Target {
  /** The whole address, password included: for core only, never shown. */
  readonly url: string
  /** `host:port/database`. */
  readonly shown: string
  /** Whether the password stood on the command line, where every user of the machine can read it. */
  readonly exposed: boolean
}

/**
 * Reads `--to`: a `postgres://` address, or `env:NAME` for one in the environment. A missing password is taken from
 * PGPASSWORD. Nothing of what was given appears in an error: it may be a mistyped secret.
 * @throws UsageError, and BackupError `secret-missing`
 */
export function resolveTarget(to: string, env: Readonly<Record<string, string | undefined>>): Target {
  const name = to.startsWith('env:') ? to.slice('env:'.length) : undefined
  const url = parseAddress(name === undefined ? to : fromEnvironment(name, env), name)
  const exposed = name === undefined && url.password !== ''
  if (url.password === '' && env.PGPASSWORD) url.password = encodeURIComponent(env.PGPASSWORD)
  const host = url.hostname || url.searchParams.get('host') || 'localhost'
  return { url: url.href, shown: `${host}:${url.port || '5432'}/${decodeURIComponent(url.pathname.slice(1))}`, exposed }
}

function fromEnvironment(name: string, env: Readonly<Record<string, string | undefined>>): string {
  const value = env[name]
  if (value) return value
  throw new BackupError('secret-missing', `environment variable ${name} is not set`, {
    hint: `set ${name} to the postgres:// address of the target database`,
  })
}

function parseAddress(text: string, name: string | undefined): URL {
  const from = name === undefined ? '--to' : `environment variable ${name}`
  const hint = 'write postgres://USER@HOST:PORT/DATABASE, and give the password in PGPASSWORD or use --to env:NAME'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new UsageError(`${from} is not a postgres:// address`, hint)
  }
  if (url.pathname.length < 2) throw new UsageError(`${from} names no database`, hint)
  return url
}
