import { isIP } from 'node:net'
import { BackupError } from '../errors/backup-error.js'

/** A `postgres://` address taken apart. `describe` is what people and logs may see. */
export interface ConnectionTarget {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly sslMode: string | undefined
  readonly sslRootCert: string | undefined
  readonly options: string | undefined
  /** `host:port/database` */
  readonly description: string
}

const knownParameters = new Set([
  'sslmode',
  'sslrootcert',
  'options',
  'application_name',
  'connect_timeout',
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'pgbouncer',
  'channel_binding',
  'uselibpqcompat',
])

/** https://www.postgresql.org/docs/current/libpq-ssl.html */
const sslModes: readonly string[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** Reads a `postgres://` address. @throws BackupError `config-invalid`, never showing the address */
export function parseConnectionUrl(text: string): ConnectionTarget {
  const refuse = (why: string) =>
    new BackupError('config-invalid', `the database address is not valid: ${why}`, {
      hint: 'write postgres://user:password@host:5432/database, with special characters percent-encoded',
    })
  let url: URL
  try {
    url = new URL(text)
  } catch {
    // The parser's own error would show the address, and with it the password.
    throw refuse('it is not a URL')
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') throw refuse('it does not begin with postgres://')
  const parameters = url.searchParams
  for (const name of parameters.keys())
    if (!knownParameters.has(name)) throw refuse(`unknown parameter ${JSON.stringify(name.slice(0, 40))}`)
  let decoded: { user: string; password: string; database: string }
  try {
    decoded = {
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database: decodeURIComponent(url.pathname.slice(1)),
    }
  } catch {
    // As above: the cause would show it.
    throw refuse('a percent sign is not encoded as %25')
  }
  const host = parameters.get('host') ?? url.hostname.replace(/^\[|\]$/g, '')
  if (host === '' || host.includes(',')) throw refuse('name one host')
  const user = parameters.get('user') ?? decoded.user
  if (user === '') throw refuse('name a user')
  const port = Number(parameters.get('port') ?? (url.port || 5432))
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw refuse('its port is none')
  const sslMode = parameters.get('sslmode') ?? undefined
  // One that is misspelt must not mean that nobody checks the certificate.
  if (sslMode !== undefined && !sslModes.includes(sslMode)) throw refuse(`sslmode is none of ${sslModes.join(', ')}`)
  const database = parameters.get('dbname') ?? (decoded.database || user)
  const password = parameters.get('password') ?? decoded.password
  return {
    host,
    port,
    user,
    password: password === '' ? process.env.PGPASSWORD : password,
    database,
    sslMode,
    sslRootCert: parameters.get('sslrootcert') ?? undefined,
    options: parameters.get('options') ?? undefined,
    description: `${isIP(host) === 6 ? `[${host}]` : host}:${port}/${database}`,
  }
}

/** The same place, another database. */
export function withDatabase(target: ConnectionTarget, database: string): ConnectionTarget {
  return { ...target, database, description: target.description.replace(/\/[^/]*$/, () => `/${database}`) }
}

/** The environment with which libpq's tools connect: nothing of it reaches their arguments. */
export function libpqEnvironment(target: ConnectionTarget): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')))
  return {
    ...inherited,
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: target.user,
    PGDATABASE: target.database,
    PGAPPNAME: 'lifeboat',
    PGCONNECT_TIMEOUT: '15',
    ...(process.env.PGPASSFILE === undefined ? {} : { PGPASSFILE: process.env.PGPASSFILE }),
    ...(target.password === undefined ? {} : { PGPASSWORD: target.password }),
    ...(target.sslMode === undefined ? {} : { PGSSLMODE: target.sslMode }),
    ...(target.sslRootCert === undefined ? {} : { PGSSLROOTCERT: target.sslRootCert }),
    ...(target.options === undefined ? {} : { PGOPTIONS: target.options }),
  }
}

/** Removes the password from a tool's or server's words. */
export function redact(text: string, target: ConnectionTarget): string {
  const secrets = [target.password, target.password && encodeURIComponent(target.password)].filter(
    (one): one is string => !!one,
  )
  return secrets.reduce((shown, one) => shown.replaceAll(one, '[redacted]'), text)
}
