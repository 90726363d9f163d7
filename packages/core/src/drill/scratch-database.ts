import { createHash, randomBytes } from 'node:crypto'
import type pg from 'pg'
import { escapeIdentifier, escapeLiteral } from 'pg'
import type { TableOfContents } from '../archive/archive-header.js'
import { connect, databaseError } from '../postgres/connection.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import type { Definer } from '../restore/plan-restore.js'
import { rolesNamed } from '../restore/roles-named.js'
import { newPassword, type OpenScratchServer } from './scratch-server.js'

/*
 * Names that are reserved for drills. Whoever makes such a database or role holds an advisory lock named after its
 * token for as long as it lives; what nobody holds is left over from a drill that was killed.
 */
const databasePattern = '^lifeboat_drill_[0-9a-f]{16}(_ref)?$'
const rolePattern = '^lifeboat_(drill|load)_[0-9a-f]{16}$'
/** The first half of our advisory keys: `LDRL` in ASCII. */
export const lockSpace = 0x4c_44_52_4c

/** A database for one drill, and the logins that fill it. */
export interface ScratchDatabase {
  /** For rows, indexes and checks: a login that is no superuser wherever that can be had. */
  readonly url: string
  /** For definitions; undefined where the server gave us no superuser. */
  readonly definer: Definer | undefined
  /** Whether objects have the owners and grants that the archive names. */
  readonly keepsOwners: boolean
  /** Makes a second, empty one on the same terms. */
  sibling(): Promise<{ readonly url: string; readonly definer: Definer | undefined }>
  /** Drops everything that was made. */
  drop(): Promise<void>
}

/**
 * Makes the database of a drill. On a server where we are superuser, definitions are made by one role and everything
 * that can run code of the backup (constraints, index expressions, queries) by another that is no superuser: it can
 * neither run programs nor read files.
 */
export async function makeScratchDatabase(
  server: OpenScratchServer,
  toc: TableOfContents | undefined,
  signal: AbortSignal | undefined,
): Promise<ScratchDatabase> {
  const token = randomBytes(8).toString('hex')
  const name = `lifeboat_drill_${token}`
  const login = { user: name, password: newPassword() }
  const loader = { user: `lifeboat_load_${token}`, password: newPassword() }
  const roles = server.ours && toc ? rolesOf(toc).filter(role => role !== server.admin.user) : []
  const owner = toc?.entries.find(entry => entry.description === 'DATABASE')?.owner ?? undefined
  const ownerRole = !server.superuser ? undefined : owner !== undefined && roles.includes(owner) ? owner : login.user
  const session = await connect(server.admin, signal)
  const urlOf = (database: string) => (server.superuser ? server.url(database, login) : server.url(database))

  async function make(database: string): Promise<{ url: string; definer: Definer | undefined }> {
    const ownedBy = ownerRole === undefined ? '' : ` owner ${escapeIdentifier(ownerRole)}`
    await session.query(`create database ${escapeIdentifier(database)} template template0 encoding 'UTF8'${ownedBy}`)
    const handOver = () => handOverTo(server.url(database), { loader: loader.user, login: login.user, ownerRole })
    const definer = server.superuser
      ? { url: server.url(database, loader), keepOwners: server.ours, handOver }
      : undefined
    return { url: urlOf(database), definer }
  }

  async function drop(): Promise<void> {
    // A session of its own: the one that holds the lock may be gone with the signal.
    const admin = await connect(server.admin)
    try {
      for (const database of [name, `${name}_ref`])
        await admin.query(`drop database if exists ${escapeIdentifier(database)} with (force)`)
      if (server.superuser)
        for (const role of [login.user, loader.user]) await admin.query(`drop role if exists ${escapeIdentifier(role)}`)
    } finally {
      await admin.end()
      await session.end()
    }
  }

  try {
    await session.query('select pg_advisory_lock($1, $2)', [lockSpace, lockKey(token)])
    if (server.superuser) {
      await createLogin(session, login, 'nosuperuser bypassrls')
      await createLogin(session, loader, 'superuser')
    }
    for (const role of roles) {
      const known = await session.query('select from pg_roles where rolname = $1', [role])
      if (known.rows.length === 0) await session.query(`create role ${escapeIdentifier(role)} nologin`)
      await session.query(`grant ${escapeIdentifier(role)} to ${escapeIdentifier(login.user)}`)
    }
    const made = await make(name)
    return { ...made, keepsOwners: server.ours, sibling: () => make(`${name}_ref`), drop }
  } catch (error) {
    await drop().catch(() => {
      // The failure that led here is the one to report; the next drill drops what is left.
    })
    throw databaseError(error, server.admin, signal)
  }
}

/** Drops what drills that were killed left on a configured server. Returns the names that are gone now; tells what is not. */
export async function sweepScratchDatabases(
  server: OpenScratchServer,
  signal?: AbortSignal,
  onStuck: (message: string) => void = () => {},
): Promise<string[]> {
  const client = await connect(server.admin, signal)
  const dropped: string[] = []
  try {
    const { rows } = await client.query<{ name: string; kind: 'database' | 'role' }>(
      `select datname as name, 'database' as kind from pg_database where datname ~ $1
        union all select rolname, 'role' from pg_roles where rolname ~ $2 order by kind`,
      [databasePattern, rolePattern],
    )
    for (const { name, kind } of rows) {
      const key = lockKey(/[0-9a-f]{16}/.exec(name)![0])
      const taken = await client.query<{ free: boolean }>('select pg_try_advisory_lock($1, $2) as free', [
        lockSpace,
        key,
      ])
      if (!taken.rows[0]!.free) continue
      try {
        await client.query(
          `drop ${kind} if exists ${escapeIdentifier(name)}${kind === 'database' ? ' with (force)' : ''}`,
        )
        dropped.push(name)
      } catch (error) {
        const failure = databaseError(error, server.admin, signal)
        // Somebody gave it something to own, or the login may not: this drill can be held all the same.
        if (failure.code !== 'database-refused') throw failure
        onStuck(`${name} of a drill that was killed could not be dropped: ${failure.message}`)
      } finally {
        await client.query('select pg_advisory_unlock($1, $2)', [lockSpace, key])
      }
    }
  } catch (error) {
    throw databaseError(error, server.admin, signal)
  } finally {
    await client.end()
  }
  return dropped
}

/** Everything that is still the loader's belongs to the other login from here on; so does the right to use `public`. */
async function handOverTo(
  url: string,
  roles: { readonly loader: string; readonly login: string; readonly ownerRole: string | undefined },
): Promise<void> {
  const target = parseConnectionUrl(url)
  const client = await connect(target)
  try {
    await client.query(`reassign owned by ${escapeIdentifier(roles.loader)} to ${escapeIdentifier(roles.login)}`)
    const schema = await client.query<{ owner: string }>(
      `select pg_get_userbyid(nspowner) as owner from pg_namespace where nspname = 'public'`,
    )
    // Before PostgreSQL 15 it belongs to the server's superuser, whoever owns the database.
    if (roles.ownerRole !== undefined && schema.rows[0]?.owner === target.user)
      await client.query(`alter schema public owner to ${escapeIdentifier(roles.ownerRole)}`)
  } catch (error) {
    throw databaseError(error, target)
  } finally {
    await client.end()
  }
}

async function createLogin(
  client: pg.Client,
  login: { readonly user: string; readonly password: string },
  rights: string,
): Promise<void> {
  await client.query(
    `create role ${escapeIdentifier(login.user)} login ${rights} password ${escapeLiteral(login.password)}`,
  )
}

/** Owners, and the roles that grants and policies name; never the server's own predefined ones. */
function rolesOf(toc: TableOfContents): string[] {
  const owners = toc.entries.map(entry => entry.owner).filter(owner => owner !== null)
  const named = rolesNamed(toc.entries, /^(ACL|DEFAULT ACL|POLICY)$/)
  return [...new Set([...owners, ...named])].filter(role => !role.startsWith('pg_'))
}

/** The second half, for the token in a name. */
export function lockKey(token: string): number {
  return createHash('sha256').update(token).digest().readInt32BE(0)
}
