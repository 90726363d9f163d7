import type { KeyOperations, RotateOptions, RotateResult } from '../api/keys.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { readLock, readSealer } from '../encryption/product-keys.js'
import { BackupError } from '../errors/backup-error.js'
import { emitterFor } from '../events/backup-event.js'
import { readGivenKey } from '../keys/given-key.js'
import { listKeys } from '../keys/list-keys.js'
import { proveKey } from '../keys/prove-key.js'
import { rotateBackup } from '../keys/rotate-backup.js'
import { withLocks } from '../locks/hold-locks.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { removeBackup } from '../repository/remove-backup.js'
import { retrieveBackup } from '../retrieval/retrieve-backup.js'
import type { SealKeys } from '../seal/seal.js'
import { isSound } from '../verify/finding.js'
import type { OpenContext } from './open-context.js'
import { proveObjects, rotateObjects } from './rotating-objects.js'
import { verificationOperations } from './verification.js'
import { withGivenKeys } from './with-given-keys.js'

export function keyOperations(context: OpenContext): KeyOperations {
  const { folder, deps, keys: fallback, known, productFor, productOf, sealKeysFor, unlockFor } = context
  return {
    listKeys: async (product, run = {}) =>
      listKeys({ product, config: productFor(product, run), folder, fallback, now: deps.now() }, run),

    async proveKey(name, run = {}) {
      const backup = await context.locate(name, run)
      const { product } = backup.manifest
      const unlock =
        run.key === undefined ? await unlockFor(product, backup.destination)() : await readGivenKey(run.key)
      const config = known(product)
      const configured = config !== undefined && Object.hasOwn(config.destinations, backup.destination)
      const encryption = configured ? encryptionAt(config, backup.destination) : undefined
      const sealKeys = await sealKeysOf(backup, unlock)
      const whole = run.whole ?? false
      await retrieveBackup(backup, run.retrieve, deps, run)
      return proveKey({ ...{ backup, unlock, sealKeys, encryption, folder, whole }, now: deps.now }, run)
    },

    proveKeyOfObjects: (product, set, run = {}) => proveObjects(context, { product, set }, run),

    async rotate(name, run = {}) {
      const backup = await context.locate(name, run)
      const { product } = backup.manifest
      const config = productOf(product)
      const destination = run.to ?? backup.destination
      // Never empty: a name that is not configured is refused.
      const [found] = context.destinationsFor(product, run, destination)
      const to = { name: destination, store: found![1].store }
      const encryption = encryptionAt(config, destination)
      const given: Unlock = run.key === undefined ? { privateKeys: [] } : await readGivenKey(run.key)
      const own = await unlockFor(product, backup.destination)()
      const unlock: Unlock = {
        passphrase: given.passphrase ?? own.passphrase,
        privateKeys: [...given.privateKeys, ...own.privateKeys],
      }
      const done = await rotateBackup(
        {
          ...{ backup, unlock, deps, to, dryRun: run.dryRun, retrieve: run.retrieve },
          sealKeys: await sealKeysOf(backup, unlock),
          lock: await readLock(encryption, folder),
          sealer: await readSealer(encryption, folder),
        },
        run,
      )
      const result: RotateResult = {
        ...{ product, id: backup.manifest.id, destination: backup.destination, ...done },
        ...{ verified: null, removedOld: false, kept: null },
      }
      if (done.rotated === null) return result
      const verified = await verifyRotated(product, done.rotated, { given, run })
      if (!run.removeOld) return { ...result, verified }
      if (verified !== 'content') {
        const why = verified === null ? 'the new backup lies in an archive' : 'no key at hand opens the new backup'
        const kept = `${why}, so it was not read to its end`
        return { ...result, verified, kept }
      }
      const kept = await removeLocked(backup, run)
      return { ...result, verified, removedOld: kept === undefined, kept: kept ?? null }
    },

    rotateObjects: (product, set, run = {}) => rotateObjects(context, { product, set }, run),
  }

  /** A passphrase that opens an old backup also made its seal, whatever the configuration says today. */
  async function sealKeysOf(backup: LocatedBackup, { passphrase }: Unlock): Promise<SealKeys> {
    const { product, seal } = backup.manifest
    if (seal?.kind === 'hmac' && passphrase !== undefined) return { expected: 'hmac', passphrase, signers: [] }
    return sealKeysFor(product, backup.destination)()
  }

  /** Reads the new backup as far as the keys at hand allow; null where it cannot be read now. @throws BackupError `object-damaged` when it is not whole */
  async function verifyRotated(
    product: string,
    rotated: { readonly id: string; readonly destination: string },
    { given, run }: { readonly given: Unlock; readonly run: RotateOptions },
  ): Promise<'content' | 'stored' | null> {
    const { destination } = rotated
    const { signal, onEvent } = run
    const { verify } = verificationOperations(withGivenKeys(context, given))
    for (const level of ['content', 'stored'] as const) {
      const report = await verify(`${product}/${rotated.id}`, { level, destination, signal, onEvent })
      if (report.findings.some(({ code }) => code === 'key-missing' || code === 'wrong-key')) continue
      // It lies in an archive: nobody has read a byte of it.
      if (isSound(report.findings) && report.level !== level) return null
      if (isSound(report.findings)) return level
      const why = report.findings.find(one => one.severity === 'critical')?.message
      throw new BackupError('object-damaged', `${product}/${rotated.id} is not whole: ${why}`, {
        hint: 'the old backup is still there; look at the store, then rotate again',
      })
    }
    throw new BackupError('unexpected', `${product}/${rotated.id} could not be checked`, {
      hint: '`lifeboat verify` says more; the old backup is still there',
    })
  }

  async function removeLocked(backup: LocatedBackup, run: RotateOptions): Promise<string | undefined> {
    const { product } = backup.manifest
    const { now, lockLeaseMs: leaseMs } = deps
    const stores = [{ name: backup.destination, store: backup.store }]
    const work = { product, stores, leaseMs, now, emit: emitterFor(run.onEvent), signal: run.signal }
    return withLocks({ ...work, purpose: 'prune' }, signal => removeBackup(backup, signal))
  }
}
