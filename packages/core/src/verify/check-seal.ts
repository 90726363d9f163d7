import type { Finding } from '../api/verification.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import { checkSeal, type SealKeys } from '../seal/manifest-seal.js'
import { findReplay } from './find-replay.js'
import { critical } from './finding.js'

const elsewhere = 'restore from another destination or backup: `lifeboat list`'

/** Judges who wrote the manifest; where it was not us, also whether its artifacts are those of another backup. */
export async function sealFindings(
  backup: LocatedBackup,
  keys: SealKeys,
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  const name = `${backup.manifest.product}/${backup.manifest.id}`
  switch (await checkSeal(backup.manifest, keys)) {
    case 'sound':
      return []
    case 'wrong': {
      const replays = await Promise.all(
        backup.manifest.artifacts.map(artifact => findReplay(backup, artifact, artifact.storedSha256, signal)),
      )
      return [
        critical(
          'seal-wrong',
          `the manifest of ${name} was not written by a holder of the key, or was changed`,
          elsewhere,
        ),
        ...replays.filter(finding => finding !== undefined),
      ]
    }
    case 'unsealed':
      if (keys.expected === undefined)
        return [
          {
            severity: 'warning',
            code: 'manifest-unsealed',
            message: `the manifest of ${name} is not sealed: nothing proves who wrote it`,
            hint: 'set encryption.signingKey, and the next backups are',
          },
        ]
      return [
        critical(
          'manifest-unsealed',
          `the manifest of ${name} is not sealed, and this product's manifests are`,
          'it was made before sealing was configured, or its seal was removed; make a new backup',
        ),
      ]
    case 'unproven':
      return [
        {
          severity: 'warning',
          code: 'seal-unproven',
          message: `the manifest of ${name} is sealed, and no key is at hand to check the seal with`,
          hint: 'name the public key of the machine that writes backups in encryption.signers',
        },
      ]
  }
}
