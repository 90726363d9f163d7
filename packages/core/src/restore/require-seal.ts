import { BackupError } from '../errors/backup-error.js'
import type { Manifest } from '../repository/manifest.js'
import { checkSeal, type SealKeys } from '../seal/manifest-seal.js'

/**
 * Lets only what a holder of the key wrote be restored, or what nobody could have sealed.
 * @returns what is to be said of it all the same
 * @throws BackupError `seal-wrong`, `seal-missing`
 */
export async function requireSeal(
  manifest: Manifest,
  keys: SealKeys,
  options: { readonly allowUnsealed?: boolean | undefined },
): Promise<string[]> {
  const name = `${manifest.product}/${manifest.id}`
  const seal = await checkSeal(manifest, keys)
  const sealed = keys.expected !== undefined
  if (seal === 'unsealed' && sealed && options.allowUnsealed !== true) {
    throw new BackupError('seal-missing', `the manifest of ${name} is not sealed, and this product's manifests are`, {
      hint: 'somebody may have removed the seal: restore from another destination or backup; if it was made before sealing was set up and you trust the store, give --allow-unsealed',
    })
  }
  if (seal === 'wrong') {
    throw new BackupError(
      'seal-wrong',
      `the manifest of ${name} was not written by a holder of the key, or was changed`,
      { hint: '`lifeboat verify` says more; restore from another destination or backup: `lifeboat list`' },
    )
  }
  if (seal === 'unproven')
    return ['the manifest is sealed, and no key is at hand to check the seal with: nothing proves who made it']
  if (seal !== 'unsealed') return []
  return [
    sealed
      ? "the manifest is not sealed, and this product's manifests are: see who may write to the store"
      : 'the manifest is not sealed: nothing proves who made this backup',
  ]
}
