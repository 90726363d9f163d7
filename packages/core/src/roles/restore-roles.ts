import type { RolesRestoreOptions, RolesRestorePlan, RolesRestoreResult } from '../api/restoring-roles.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { emitterFor } from '../events/backup-event.js'
import { connect, databaseError } from '../postgres/connection.js'
import { type ConnectionTarget, parseConnectionUrl, redact } from '../postgres/connection-target.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { plainBytes } from '../repository/read-artifact.js'
import { requireSeal } from '../restore/require-seal.js'
import type { SealKeys } from '../seal/manifest-seal.js'
import { readWhole } from '../streams/byte-source.js'
import { type PlannedRoles, planRoles, type RolesTarget } from './plan-roles.js'
import { checkRoles, maxRolesBytes, statementsOf } from './read-roles.js'

export interface RolesRestoreJob {
  readonly backup: LocatedBackup
  readonly unlock: Unlock
  readonly sealKeys: SealKeys
}

interface Prepared {
  readonly plan: RolesRestorePlan
  readonly target: ConnectionTarget
  readonly run: PlannedRoles['run']
}

/** @throws BackupError `backup-missing`, `seal-wrong`, `seal-missing`, and what opening the backup and the target throws */
export async function prepareRolesRestore(job: RolesRestoreJob, options: RolesRestoreOptions): Promise<Prepared> {
  const { manifest, destination } = job.backup
  const { product, id, createdAt } = manifest
  const artifact = manifest.artifacts.find(one => one.kind === 'roles')
  if (artifact === undefined)
    throw new BackupError('backup-missing', `${product}/${id} holds no roles`, {
      hint: "set source.roles: 'auto', and the next backups do",
    })
  const target = parseConnectionUrl(options.to)
  const warnings = await requireSeal(manifest, job.sealKeys, options)
  if (artifact.plainBytes > maxRolesBytes)
    throw new BackupError('archive-invalid', `the manifest claims ${artifact.plainBytes} bytes of roles`)
  const sql = await readWhole(plainBytes(job.backup, artifact, job.unlock, options.signal), maxRolesBytes)
  checkRoles(sql)
  const {
    creates,
    run,
    statements,
    warnings: more,
  } = planRoles(statementsOf(sql.toString()), await inspect(target, options.signal))
  warnings.push(...more)
  const plan = { product, id, destination, createdAt, target: target.description, creates, statements, warnings }
  return { plan, target, run }
}

/**
 * Makes the roles that the target lacks: all of them, or none.
 * @throws BackupError `restore-failed`, and what {@link prepareRolesRestore} throws
 */
export async function restoreRoles(job: RolesRestoreJob, options: RolesRestoreOptions): Promise<RolesRestoreResult> {
  const started = performance.now()
  const emit = emitterFor(options.onEvent)
  const { plan, target, run } = await prepareRolesRestore(job, options)
  for (const message of plan.warnings) emit({ type: 'warning.raised', message })
  const client = await connect(target, options.signal)
  try {
    await client.query('begin')
    for (const sql of run) {
      throwIfCancelled(options.signal)
      await client.query(sql).catch((error: unknown) => {
        throwIfCancelled(options.signal)
        const said = error instanceof Error ? redact(error.message, target) : String(error)
        const what = sql.split(/ (?:SET|WITH) /)[0]
        throw new BackupError('restore-failed', `${target.description} refused ${JSON.stringify(what)}: ${said}`, {
          hint: 'nothing was changed; the login needs CREATEROLE, and ADMIN on roles that it grants',
        })
      })
    }
    await client.query('commit')
  } finally {
    // What was not committed goes with the session.
    await client.end()
  }
  return { plan, durationMs: performance.now() - started }
}

async function inspect(target: ConnectionTarget, signal: AbortSignal | undefined): Promise<RolesTarget> {
  const client = await connect(target, signal)
  try {
    const { rows } = await client.query<{ rolname: string; mine: boolean; rolsuper: boolean; version: string }>(
      "select rolname, rolname = current_user as mine, rolsuper, current_setting('server_version_num') as version from pg_roles",
    )
    return {
      roles: new Set(rows.map(row => row.rolname)),
      superuser: rows.some(row => row.mine && row.rolsuper),
      serverMajor: Math.floor(Number(rows[0]?.version ?? 0) / 10_000),
    }
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}
