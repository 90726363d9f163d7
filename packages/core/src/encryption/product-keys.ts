import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { EncryptionConfig } from '../config/config-schema.js'
import { isSecret, type SecretReference } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import { type Lock, readPrivateKey, readRecipients, type Unlock } from './open-pgp.js'

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
    const { privateKey } = encryption
    const passphrase = encryption.privateKeyPassphrase?.read() ?? fallbackPassphrase
    const bytes = isSecret(privateKey) ? Buffer.from(privateKey.read()) : await readKeyFile(resolve(folder, privateKey))
    privateKeys.push(
      await readPrivateKey(bytes, isSecret(privateKey) ? privateKey.description : privateKey, passphrase),
    )
  }
  if (fallback.privateKeyPath !== undefined) {
    privateKeys.push(
      await readPrivateKey(await readKeyFile(fallback.privateKeyPath), fallback.privateKeyPath, fallbackPassphrase),
    )
  }
  const passphrase =
    encryption && 'passphrase' in encryption ? encryption.passphrase.read() : fallback.passphrase?.read()
  return { passphrase, privateKeys }
}

async function readKeyFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new BackupError('key-missing', `cannot read the private key file ${path}`, {
      cause: error,
      hint: 'check encryption.privateKey or LIFEBOAT_PRIVATE_KEY',
    })
  }
}
