import { randomBytes } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import type pg from 'pg'
import { BackupError } from '../errors/backup-error.js'
import { connect, databaseError } from '../postgres/connection.js'
import { type ConnectionTarget, parseConnectionUrl, withDatabase } from '../postgres/connection-target.js'
import { spokenBytes } from '../report/quantities.js'
import { drillServerSettings } from '../scratch/drill-server-settings.js'
import { startScratchServer } from '../scratch/start-scratch-server.js'
import { readServerIdentity, type ServerIdentity, sameServer } from './server-identity.js'

/** The superuser of a server that is started for a drill: a name that no archive is likely to know. */
const scratchSuperuser = 'lifeboat_scratch'

/** Where drills of a product happen, as the configuration says it. */
export type ScratchConfig =
  | { readonly kind: 'local' }
  | {
      readonly kind: 'server'
      readonly url: string
      /** `host:port` of the source's own server, where drills may happen there. */
      readonly allowSourceServer: string | undefined
      /** How large a database it has room for. */
      readonly maxBytes: number | undefined
    }

/** A server on which a drill may make databases. */
export interface OpenScratchServer {
  readonly kind: 'local' | 'server'
  /** Made for one drill: roles can be made freely. */
  readonly ours: boolean
  readonly superuser: boolean
  readonly serverVersion: string
  readonly serverMajor: number
  /** The database from which others are made, with the login that may. */
  readonly admin: ConnectionTarget
  /** An address of another database of it, for another login. */
  url(database: string, login?: { readonly user: string; readonly password: string }): string
  close(): Promise<void>
}

export interface ScratchNeed {
  /** Size of the source when the backup was made. */
  readonly databaseBytes: number
  readonly sourceMajor: number
  readonly workFolder: string
  readonly source: ConnectionTarget | undefined
  readonly signal: AbortSignal | undefined
}

/** What a restored database needs beside its own size: the log, sorting, a freshly made cluster. */
const spareBytes = 300 * 2 ** 20

/**
 * Opens the server of a drill, after looking whether there is room.
 * @throws BackupError `target-unfit` without room, `target-is-source` on the source's own server, `tool-missing`
 */
export async function openScratchServer(config: ScratchConfig, need: ScratchNeed): Promise<OpenScratchServer> {
  return config.kind === 'local' ? openLocal(need) : openConfigured(config, need)
}

async function openLocal(need: ScratchNeed): Promise<OpenScratchServer> {
  const { workFolder, signal } = need
  const { bavail, bsize } = await statfs(workFolder)
  const neededBytes = Math.ceil(need.databaseBytes * 1.25) + spareBytes
  if (bavail * bsize < neededBytes) throw noRoom(workFolder, neededBytes, bavail * bsize)
  const server = await startScratchServer({
    major: need.sourceMajor,
    parentFolder: workFolder,
    superuser: scratchSuperuser,
    alsoRemove: [workFolder],
    settings: drillServerSettings(),
    signal,
  })
  return {
    kind: 'local',
    ours: true,
    superuser: true,
    serverVersion: server.version,
    serverMajor: server.major,
    admin: parseConnectionUrl(server.url()),
    url: (database, login) => {
      const url = new URL(server.url(database))
      if (login) Object.assign(url, { username: login.user, password: login.password })
      return url.href
    },
    close: () => server.stop(),
  }
}

async function openConfigured(
  config: Extract<ScratchConfig, { kind: 'server' }>,
  need: ScratchNeed,
): Promise<OpenScratchServer> {
  const { signal } = need
  if (config.maxBytes !== undefined && need.databaseBytes > config.maxBytes)
    throw noRoom('the configured scratch server', need.databaseBytes, config.maxBytes)
  const admin = withDatabase(parseConnectionUrl(config.url), 'postgres')
  const client = await connect(admin, signal)
  try {
    const identity = await readServerIdentity(client)
    await refuseSource(identity, admin, config.allowSourceServer, need)
    const facts = await readFacts(client)
    if (!facts.superuser && !facts.createdb)
      throw new BackupError('target-unfit', `${admin.user} may not create databases on ${placeOf(admin)}`, {
        hint: `alter role "${admin.user}" createdb, or name another login in drill.url`,
      })
    return {
      kind: 'server',
      ours: false,
      superuser: facts.superuser,
      serverVersion: facts.version,
      serverMajor: Math.floor(facts.num / 10_000),
      admin,
      url: (database, login) => {
        const url = new URL(config.url)
        url.pathname = `/${encodeURIComponent(database)}`
        for (const name of ['dbname', ...(login ? ['user', 'password'] : [])]) url.searchParams.delete(name)
        if (login) Object.assign(url, { username: login.user, password: login.password })
        return url.href
      },
      close: async () => {},
    }
  } catch (error) {
    throw databaseError(error, admin, signal)
  } finally {
    await client.end()
  }
}

async function readFacts(client: pg.Client) {
  const { rows } = await client.query<{ superuser: boolean; createdb: boolean; version: string; num: number }>(
    `select rolsuper as superuser, rolcreatedb as createdb, current_setting('server_version') as version,
            current_setting('server_version_num')::int as num
       from pg_roles where rolname = current_user`,
  )
  return rows[0]!
}

async function refuseSource(
  identity: ServerIdentity,
  admin: ConnectionTarget,
  allowed: string | undefined,
  need: ScratchNeed,
): Promise<void> {
  if (need.source === undefined || allowed === placeOf(admin)) return
  if (!(await sameServer(identity, admin, need.source, need.signal))) return
  throw new BackupError('target-is-source', `a drill on ${placeOf(admin)} would load the server of the source itself`, {
    hint: `name another server in drill.url, or allow this one by its name: allowSourceServer: '${placeOf(admin)}'`,
  })
}

/** `host:port` */
export function placeOf(target: ConnectionTarget): string {
  return target.description.replace(/\/[^/]*$/, '')
}

function noRoom(where: string, neededBytes: number, freeBytes: number): BackupError {
  return new BackupError(
    'target-unfit',
    `a drill needs about ${spokenBytes(neededBytes)}, and ${where} has room for ${spokenBytes(freeBytes)}`,
    { hint: 'free some space, set TMPDIR to a larger disk, or use a configured server (drill.url)' },
  )
}

/** A password for a role that lives as long as a drill. */
export function newPassword(): string {
  return randomBytes(18).toString('base64url')
}
