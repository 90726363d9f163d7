import { resolve } from 'node:path'
import type * as openpgp from 'openpgp'
import type { EncryptionConfig } from '../config/config-schema.js'
import { isBackupError } from '../errors/backup-error.js'
import type { Sealer, SealKeys } from '../seal/seal.js'
import { readPublicKeys, type Unlock } from './open-pgp.js'
import { type FallbackKeys, readSealer, readSealKeys } from './product-keys.js'

/*
 * Who may vouch for a verification is not who may make a backup: the holder of a key that opens it. So with recipients
 * a record is signed by a recipient's private key, and the machine that backs up, which holds none, cannot forge one.
 * Only where no recipient's key can sign (a key for encryption alone), the signing key of manifests stands in.
 */

/** What the records of a product's verifications are sealed with, by whoever could open the backup. Read late. */
export async function readRecordSealer(encryption: EncryptionConfig, unlock: Unlock, folder: string): Promise<Sealer> {
  if ('passphrase' in encryption)
    return unlock.passphrase === undefined ? undefined : { kind: 'hmac', passphrase: unlock.passphrase }
  const vouchers = await readVouchers(encryption.recipients, folder)
  if (vouchers.length === 0) return readSealer(encryption, folder).catch(undefinedIfNotAtHand)
  for (const key of unlock.privateKeys) {
    const isRecipient = vouchers.some(one => one.getFingerprint() === key.getFingerprint())
    if (isRecipient && (await canSign(key, new Date()))) return { kind: 'signature', key }
  }
  return undefined
}

/** What those records are checked with, as far as it is at hand: a machine that only prunes need hold no secret. */
export async function readRecordKeys(
  encryption: EncryptionConfig,
  fallback: FallbackKeys,
  folder: string,
): Promise<SealKeys> {
  if ('passphrase' in encryption) {
    return (await readSealKeys(encryption, fallback, folder).catch(undefinedIfNotAtHand)) ?? { signers: [] }
  }
  const vouchers = await readVouchers(encryption.recipients, folder)
  if (vouchers.length > 0) return { expected: 'signature', signers: vouchers }
  return readSealKeys(encryption, fallback, folder)
}

/** The recipients whose keys can sign, or could before they expired. */
async function readVouchers(recipients: readonly string[], folder: string): Promise<openpgp.PublicKey[]> {
  const paths = recipients.map(path => resolve(folder, path))
  const vouchers: openpgp.PublicKey[] = []
  for (const key of await readPublicKeys(paths, 'recipient'))
    if (await canSign(key, key.getCreationTime())) vouchers.push(key)
  return vouchers
}

/** Whether a key may sign at a time. */
export async function canSign(key: openpgp.Key, at: Date): Promise<boolean> {
  return key.getSigningKey(undefined, at).then(
    () => true,
    () => false,
  )
}

function undefinedIfNotAtHand(error: unknown): undefined {
  if (isBackupError(error, 'key-missing') || isBackupError(error, 'secret-missing')) return undefined
  throw error
}
