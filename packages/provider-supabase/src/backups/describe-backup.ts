import type { ProviderBackup } from '@lifeboat/core'
import type { BackupsAnswer } from '../api/answers.js'

type Native = BackupsAnswer['backups'][number]

const statuses: Readonly<Record<string, ProviderBackup['status']>> = {
  COMPLETED: 'complete',
  PENDING: 'running',
  FAILED: 'failed',
  CANCELLED: 'failed',
  REMOVED: 'gone',
  ARCHIVED: 'gone',
}

/** A daily backup in the words of the interface. */
export function describeBackup(native: Native, retentionDays: number | null): ProviderBackup {
  const createdAt = parseTime(native.inserted_at)
  const expiresAt =
    createdAt === null || retentionDays === null ? null : new Date(Date.parse(createdAt) + retentionDays * 86_400_000)
  return {
    id: String(native.id),
    kind: native.is_physical_backup ? 'physical' : 'logical',
    createdAt,
    status: statuses[native.status] ?? 'unknown',
    nativeStatus: native.status === '' ? '(none)' : native.status,
    expiresAt: expiresAt === null ? null : expiresAt.toISOString(),
    sizeBytes: null,
    restorable: native.is_physical_backup,
  }
}

/** A time as the API writes it, which it does not promise: without a zone it is UTC. Null where it cannot be read. */
export function parseTime(text: string): string | null {
  const trimmed = text.trim().replace(/^(\d{4}-\d\d-\d\d) /, '$1T')
  if (!/^\d{4}-\d\d-\d\d/.test(trimmed)) return null
  const zoned = /([zZ]|[+-]\d\d(:?\d\d)?)$/.test(trimmed.slice(10))
  const withColon = trimmed.replace(/([+-]\d\d)(\d\d)$/, '$1:$2').replace(/(T.*[+-]\d\d)$/, '$1:00')
  const time = Date.parse(zoned || trimmed.length === 10 ? withColon : `${trimmed}Z`)
  return Number.isNaN(time) ? null : new Date(time).toISOString()
}
