import { resolve } from 'node:path'
import type { GivenKey } from '../api/keys.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { openPrivateKey } from '../encryption/product-keys.js'

/** Opens a key that was given for one call. @throws BackupError `key-missing`, `wrong-key` */
export async function readGivenKey(given: GivenKey): Promise<Unlock> {
  const { privateKey, privateKeyPassphrase } = given
  const passphrase = given.passphrase?.read()
  if (privateKey === undefined) return { passphrase, privateKeys: [] }
  // On a command line, and so not from the configuration's folder.
  const key = typeof privateKey === 'string' ? resolve(privateKey) : privateKey
  return { passphrase, privateKeys: [await openPrivateKey(key, privateKeyPassphrase?.read(), process.cwd())] }
}
