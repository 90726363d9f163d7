import type { Lock, Unlock } from '../encryption/open-pgp.js'
import { BackupError } from '../errors/backup-error.js'
import type { Sealer } from '../seal/seal.js'

/**
 * To whom listings are encrypted, and what opens them for the next run, which compares the source with them. With recipients
 * the machine that copies holds no key that opens content, and gets none: listings alone are encrypted to the key it seals
 * with, too. It learns nothing but what it has listed itself.
 * @throws BackupError `key-missing` when no later run here could read the listing of this one
 */
export async function listingKeys(
  lock: Lock,
  unlock: Unlock,
  sealer: Sealer,
): Promise<{ readonly lock: Lock; readonly unlock: Unlock }> {
  if (lock.kind === 'passphrase') return { lock, unlock }
  if (sealer?.kind === 'signature' && (await canEncrypt(sealer.key))) {
    const own = sealer.key.toPublic()
    const known = lock.keys.some(key => key.getFingerprint() === own.getFingerprint())
    return {
      lock: { kind: 'recipients', keys: known ? lock.keys : [...lock.keys, own] },
      unlock: { ...unlock, privateKeys: [...unlock.privateKeys, sealer.key] },
    }
  }
  const opens = unlock.privateKeys.some(key => lock.keys.some(one => one.getFingerprint() === key.getFingerprint()))
  if (opens) return { lock, unlock }
  throw new BackupError(
    'key-missing',
    'the next run could not read the listing of this one, and would copy everything again',
    {
      hint: 'set encryption.signingKey to a key with an encryption subkey, such as `lifeboat init --keys` makes: listings are then encrypted to it as well',
    },
  )
}

async function canEncrypt(key: { getEncryptionKey(): Promise<unknown> }): Promise<boolean> {
  return key.getEncryptionKey().then(
    () => true,
    () => false,
  )
}
