import type { Manifest } from '../repository/manifest.js'
import { canonicalJson } from './canonical-json.js'
import { judgeSeal, prepareToSeal, type Sealer, type SealKeys, type SealVerdict } from './seal.js'

export type { Sealer, SealKeys, SealVerdict } from './seal.js'

/** The manifest with its seal; `seal` of the one that is given is ignored. */
export function sealManifest(manifest: Manifest, sealer: Sealer): Promise<Manifest> {
  return prepareSeal(sealer)(manifest)
}

/** Begins at once with what takes long, so that a manifest that comes later is sealed without a wait. */
export function prepareSeal(sealer: Sealer): (manifest: Manifest) => Promise<Manifest> {
  if (sealer === undefined) return async manifest => ({ ...manifest, seal: null })
  const seal = prepareToSeal(sealer)
  return async manifest => ({ ...manifest, seal: await seal(sealedMessage(manifest)) })
}

/** Whether the seal of a manifest, as it was read, is that of a holder of the secret. */
export function checkSeal(manifest: Manifest, keys: SealKeys): Promise<SealVerdict> {
  return judgeSeal(sealedMessage(manifest), manifest.seal, keys)
}

function sealedMessage(manifest: Manifest): Buffer {
  return Buffer.from(`lifeboat seal 1\n${canonicalJson({ ...manifest, seal: null })}`)
}
