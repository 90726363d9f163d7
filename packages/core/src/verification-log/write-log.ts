import { randomUUID } from 'node:crypto'
import type { Finding } from '../api/verification.js'
import { connect, databaseError } from '../postgres/connection.js'
import type { ConnectionTarget } from '../postgres/connection-target.js'
import type { ProofRecord } from '../repository/record-schema.js'
import { verificationLogMigration } from './migration.js'

/** A row of `backup_verification_log`. */
export interface LogRow {
  readonly verified_at: string
  readonly backup_id: string
  readonly backup_age_hours: number
  readonly backup_size_mb: number
  readonly status: 'success' | 'warning' | 'failure'
  readonly checks_passed: number
  readonly checks_failed: number
  readonly error_details: {
    readonly kind: string
    readonly level: string
    readonly findings: readonly Finding[]
  } | null
}

/** What the log says of a verification or drill. */
export function logRowOf(record: ProofRecord): LogRow {
  const worth = record.findings.filter(finding => finding.severity !== 'info')
  const failed = worth.some(finding => finding.severity === 'critical')
  const ageMs = record.backupCreatedAt === null ? 0 : Date.parse(record.at) - Date.parse(record.backupCreatedAt)
  return {
    verified_at: record.at,
    backup_id: `${record.product}/${record.id}`,
    backup_age_hours: Math.max(0, Math.floor(ageMs / 3_600_000)),
    backup_size_mb: Math.round((record.storedBytes ?? 0) / 2 ** 20),
    status: failed ? 'failure' : worth.length > 0 ? 'warning' : 'success',
    checks_passed: record.checks.filter(check => check.ok).length,
    checks_failed: record.checks.filter(check => !check.ok).length,
    error_details: worth.length > 0 ? { kind: record.kind, level: record.level, findings: worth } : null,
  }
}

/** Writes a row and, where asked, deletes older ones of its product. @throws BackupError `database-refused` without the table */
export async function writeLog(
  target: ConnectionTarget,
  row: LogRow,
  options: { readonly pruneAfterMs: number | undefined; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const client = await connect(target, options.signal)
  try {
    await client.query(
      `insert into public.backup_verification_log
         (id, verified_at, backup_id, backup_age_hours, backup_size_mb, status, checks_passed, checks_failed, error_details)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        ...[randomUUID(), row.verified_at, row.backup_id, row.backup_age_hours, row.backup_size_mb, row.status],
        ...[row.checks_passed, row.checks_failed, row.error_details && JSON.stringify(row.error_details)],
      ],
    )
    if (options.pruneAfterMs !== undefined) {
      // A log may be of many products, each with a time of its own; and a clock here that is ahead must not empty it.
      const [product] = row.backup_id.split('/')
      await client.query(
        `delete from public.backup_verification_log
          where verified_at < least($1::timestamptz, now()) - $2 * interval '1 ms' and starts_with(backup_id, $3)`,
        [row.verified_at, options.pruneAfterMs, `${product}/`],
      )
    }
  } catch (error) {
    throw databaseError(error, target, options.signal)
  } finally {
    await client.end()
  }
}

/** Makes the table where it does not exist. */
export async function applyLogMigration(target: ConnectionTarget, signal?: AbortSignal): Promise<void> {
  const client = await connect(target, signal)
  try {
    await client.query(`begin; ${verificationLogMigration} commit`)
  } catch (error) {
    throw databaseError(error, target, signal)
  } finally {
    await client.end()
  }
}
