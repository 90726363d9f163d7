import type { RunOptions } from '../api/run-options.js'
import type { ProductConfig } from '../config/config-schema.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { readRecordSealer } from '../encryption/record-keys.js'
import { isBackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { sourceAddress } from '../provider/source-address.js'
import type { ProofRecord } from '../repository/record-schema.js'
import { writeRecord } from '../repository/verification-record.js'
import type { Sealer } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { logRowOf, writeLog } from '../verification-log/write-log.js'
import type { OpenContext } from './open-context.js'

/** Writes a record beside the backup, and a row where the product's `verify.log` says. */
export async function keepRecord(
  context: OpenContext,
  store: ObjectStore,
  record: ProofRecord,
  run: RunOptions,
): Promise<void> {
  const config = context.known(record.product)
  if (config === undefined) return
  await writeRecord(store, record, { sealer: await recordSealer(context, config, record, run), signal: run.signal })
  if (config.verify.log === undefined) return
  try {
    const { pruneAfter: pruneAfterMs } = config.verify.log
    await writeLog(await logTarget(config), logRowOf(record), { pruneAfterMs, signal: run.signal })
  } catch (error) {
    if (isBackupError(error, 'cancelled')) throw error
    // The record is in the store; what was verified stays verified without the row.
    const why = error instanceof Error ? error.message : String(error)
    const hint = /relation .* does not exist/.test(why)
      ? '`lifeboat log-table --apply` makes the table'
      : 'see verify.log in the configuration; the record is in the store'
    const message = `no row was written into backup_verification_log: ${why}; ${hint}`
    emitterFor(run.onEvent)({ type: 'warning.raised', message })
  }
}

/** Where the table of verifications is. */
export async function logTarget(config: ProductConfig) {
  return parseConnectionUrl(config.verify.log?.url?.read() ?? (await sourceAddress(config, {})))
}

/** What a record that retention counts is sealed with. */
export async function recordSealer(
  context: OpenContext,
  config: ProductConfig,
  record: Pick<ProofRecord, 'level' | 'product' | 'destination'>,
  run: RunOptions,
): Promise<Sealer> {
  if (record.level !== 'content' && record.level !== 'restored') return undefined
  const { product, destination } = record
  const unlock = await context.unlockFor(product, destination)()
  const sealer = await readRecordSealer(encryptionAt(config, destination), unlock, context.folder)
  if (sealer === undefined)
    emitterFor(run.onEvent)({
      type: 'warning.raised',
      message: 'no key at hand can seal the record of this verification: where others can, it does not count',
    })
  return sealer
}
