import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { PrivateKey } from 'openpgp'
import type { EncryptionConfig } from '../config/config-schema.js'
import { isSecret, type SecretReference } from '../config/secret.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import type { Sealer, SealKeys } from '../seal/manifest-seal.js'
import { type Lock, readPrivateKey, readPublicKeys, readRecipients, type Unlock } from './open-pgp.js'

/** Keys for backups that no configuration speaks of, such as an address on the command line. */
export interface FallbackKeys {
  readonly passphrase?: SecretReference | undefined
  readonly privateKeyPath?: string | undefined
  readonly privateKeyPassphrase?: SecretReference | undefined
}

/** What new backups of a product are encrypted to. Read late. */
export async function readLock(encryption: EncryptionConfig, folder: string): Promise<Lock> {
  if ('passphrase' in encryption) return { kind: 'passphrase', passphrase: encryption.passphrase.read() }
  return { kind: 'recipients', keys: await readRecipients(encryption.recipients.map(path => resolve(folder, path))) }
}

/** What opens a product's backups; empty when the configuration holds no private key. Read late. */
export async function readUnlock(
  encryption: EncryptionConfig | undefined,
  fallback: FallbackKeys,
  folder: string,
): Promise<Unlock> {
  const privateKeys = []
  const fallbackPassphrase = fallback.privateKeyPassphrase?.read()
  if (encryption && 'recipients' in encryption && encryption.privateKey !== undefined) {
    const passphrase = encryption.privateKeyPassphrase?.read() ?? fallbackPassphrase
    privateKeys.push(await openPrivateKey(encryption.privateKey, passphrase, folder))
  }
  if (fallback.privateKeyPath !== undefined)
    privateKeys.push(await openPrivateKey(resolve(fallback.privateKeyPath), fallbackPassphrase, folder))
  const passphrase =
    encryption && 'passphrase' in encryption ? encryption.passphrase.read() : fallback.passphrase?.read()
  return { passphrase, privateKeys }
}

/** What new manifests of a product are sealed with. Read late. */
export async function readSealer(encryption: EncryptionConfig, folder: string): Promise<Sealer> {
  if ('passphrase' in encryption) return { kind: 'hmac', passphrase: encryption.passphrase.read() }
  if (encryption.signingKey === undefined) return undefined
  const key = await openPrivateKey(encryption.signingKey, encryption.signingKeyPassphrase?.read(), folder)
  return { kind: 'signature', key }
}

/** What a product's manifests are checked with, as far as it is at hand. Read late. */
export async function readSealKeys(
  encryption: EncryptionConfig | undefined,
  fallback: FallbackKeys,
  folder: string,
): Promise<SealKeys> {
  if (encryption === undefined) return { passphrase: fallback.passphrase?.read(), signers: [] }
  if ('passphrase' in encryption) return { expected: 'hmac', passphrase: encryption.passphrase.read(), signers: [] }
  const signers = await readPublicKeys(
    (encryption.signers ?? []).map(path => resolve(folder, path)),
    'signer',
  )
  const sealer = await readSealer(encryption, folder).catch((error: unknown) => {
    // A machine that only restores need not hold the key that writes; `signers` names its public half there.
    if (isBackupError(error, 'key-missing') || isBackupError(error, 'secret-missing')) return undefined
    throw error
  })
  if (sealer?.kind === 'signature') signers.push(sealer.key.toPublic())
  const expected = encryption.signingKey !== undefined || signers.length > 0 ? 'signature' : undefined
  return { expected, signers }
}

/** A private key, from a file or a secret, unlocked. @throws BackupError `key-missing`, `wrong-key` */
export async function openPrivateKey(
  key: string | SecretReference,
  passphrase: string | undefined,
  folder: string,
): Promise<PrivateKey> {
  const bytes = isSecret(key) ? Buffer.from(key.read()) : await readKeyFile(resolve(folder, key))
  return readPrivateKey(bytes, isSecret(key) ? key.description : key, passphrase)
}

async function readKeyFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new BackupError('key-missing', `cannot read the private key file ${path}: ${code}`, {
      cause: error,
      hint: 'check where that was named: encryption.privateKey, LIFEBOAT_PRIVATE_KEY or --key',
    })
  }
}
