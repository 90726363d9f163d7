import type { DoctorCheck, DoctorOptions } from '../api/doctor.js'
import { assertZstd } from '../codec/codec.js'
import type { ProductConfig } from '../config/config-schema.js'
import type { Deps } from '../deps.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import type { Lock } from '../encryption/open-pgp.js'
import type { FallbackKeys } from '../encryption/product-keys.js'
import { readLock, readUnlock } from '../encryption/product-keys.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { throwIfCancelled } from '../errors/cancelled.js'
import { connect } from '../postgres/connection.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { choosePgDump } from '../postgres/find-pg-tools.js'
import { probeSource } from '../postgres/probe-source.js'
import { resolveCriticalTables } from '../postgres/snapshot-counts.js'
import { sourceAddress } from '../provider/source-address.js'
import { spokenBytes } from '../report/quantities.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { checkKeys } from './check-keys.js'
import { checkObjects } from './check-objects.js'
import { checkProvider } from './check-provider.js'
import { checkStores } from './check-stores.js'

export interface DoctorJob {
  readonly product: string
  readonly config: ProductConfig
  readonly folder: string
  readonly keys: FallbackKeys
  readonly deps: Deps
}

/** Tries everything a backup of a product needs. Problems are lines of the answer, never thrown. */
export async function runDoctor(job: DoctorJob, options: DoctorOptions): Promise<DoctorCheck[]> {
  const { product, config, deps } = job
  const checks: DoctorCheck[] = []
  const attempt = async (area: string, work: () => Promise<string>) => {
    throwIfCancelled(options.signal)
    try {
      checks.push({ product, area, ok: true, message: await work(), hint: null })
    } catch (error) {
      throwIfCancelled(options.signal)
      const known = isBackupError(error)
        ? error
        : new BackupError('unexpected', error instanceof Error ? error.message : String(error))
      checks.push({ product, area, ok: false, message: known.message, hint: known.hint ?? null })
    }
  }
  const tools = await deps.findPgTools()
  await attempt('tools', async () => {
    if (tools.length === 0) choosePgDump(tools, 18)
    return `pg_dump ${tools.map(one => `${one.version} (${one.folder})`).join(', ')}`
  })
  await attempt('connection', async () => {
    const target = parseConnectionUrl(await sourceAddress(config, { signal: options.signal }))
    const client = await connect(target, options.signal)
    try {
      const probe = await probeSource(client, target, config.source.schemas)
      const chosen = choosePgDump(tools, probe.serverMajor)
      const { missing } = await resolveCriticalTables(client, config.verify.criticalTables)
      if (missing.length > 0) {
        throw new BackupError(
          'tables-missing',
          `critical tables do not exist in ${target.description}: ${missing.join(', ')}`,
          { hint: 'correct verify.criticalTables, or the source' },
        )
      }
      return `${target.description}, PostgreSQL ${probe.serverVersion}, ${spokenBytes(probe.databaseBytes)}, to be dumped with pg_dump ${chosen.version}`
    } finally {
      await client.end()
    }
  })
  const answered = new Set<string>()
  for (const [name, { store }] of Object.entries(config.destinations)) {
    await attempt('store', async () => {
      try {
        await store.probe?.({ signal: options.signal })
        for await (const _ of store.list(`${product}/`, { signal: options.signal })) break
      } catch (error) {
        throw wrapStoreError(error, { store, doing: `use the destination ${name}`, signal: options.signal })
      }
      answered.add(name)
      return `${name}: ${store.location}${store.capabilities.conditionalPut ? '' : ' (no conditional put: two writers at once are not kept apart)'}`
    })
  }
  checks.push(...(await checkStores(job, options)))
  await attempt('keys', async () => {
    if (config.compression.codec === 'zstd') assertZstd()
    return describeLock(await readLock(config.encryption, job.folder))
  })
  for (const [name, { encryption }] of Object.entries(config.destinations)) {
    if (encryption === undefined) continue
    await attempt('keys', async () => {
      return `${name}: ${describeLock(await readLock(encryptionAt(config, name), job.folder))}`
    })
  }
  await attempt('keys', async () => {
    const unlock = await readUnlock(config.encryption, job.keys, job.folder)
    if (unlock.passphrase !== undefined || unlock.privateKeys.length > 0) return 'a key to open backups with is at hand'
    return 'no private key here: this machine can back up, but not verify content or restore'
  })
  checks.push(...(await checkObjects(job, options)))
  checks.push(...(await checkKeys(job, answered, options)))
  checks.push(...(await checkProvider(job, options)))
  return checks
}

function describeLock(lock: Lock): string {
  if (lock.kind === 'passphrase') return 'a passphrase'
  return `${lock.keys.length} recipient(s): ${lock.keys.map(key => key.getFingerprint()).join(', ')}`
}
