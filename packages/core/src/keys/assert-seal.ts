import { BackupError } from '../errors/backup-error.js'
import type { Manifest } from '../repository/manifest.js'
import { checkSeal, type SealKeys } from '../seal/manifest-seal.js'

/** Refuses a backup that no holder of the product's key wrote. @throws BackupError `seal-wrong`, `seal-missing` */
export async function assertSeal(manifest: Manifest, keys: SealKeys): Promise<void> {
  const name = `${manifest.product}/${manifest.id}`
  const verdict = await checkSeal(manifest, keys)
  if (verdict === 'wrong')
    throw new BackupError(
      'seal-wrong',
      `the manifest of ${name} was not written by a holder of the key, or was changed`,
      {
        hint: 'use another destination or backup: `lifeboat list`; an old signing key belongs in encryption.signers',
      },
    )
  if (verdict === 'unsealed' && keys.expected !== undefined)
    throw new BackupError('seal-missing', `the manifest of ${name} is not sealed, and this product's manifests are`, {
      hint: 'it was made before sealing was configured, or its seal was removed; use another backup',
    })
}
