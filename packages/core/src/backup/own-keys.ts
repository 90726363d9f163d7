import type { DestinationOutcome } from '../api/backups.js'
import type { ProductConfig } from '../config/config-schema.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import type { Lock } from '../encryption/open-pgp.js'
import { readLock, readSealer } from '../encryption/product-keys.js'
import type { Artifact, Manifest } from '../repository/manifest.js'
import { prepareSeal } from '../seal/manifest-seal.js'
import type { Destination, OwnKeys, StoredForm } from './store-everywhere.js'

/** A product's destinations, with the keys of those that have their own. Read late. */
export async function openDestinations(
  config: Pick<ProductConfig, 'encryption' | 'destinations'>,
  folder: string,
): Promise<Destination[]> {
  // Destinations that name the same keys share one encryption.
  const known = new Map<string, OwnKeys>()
  const opened: Destination[] = []
  for (const [name, { store, encryption: own }] of Object.entries(config.destinations)) {
    if (own === undefined) {
      opened.push({ name, store })
      continue
    }
    const encryption = encryptionAt(config, name)
    const read = { lock: await readLock(encryption, folder), sealer: await readSealer(encryption, folder) }
    const keys = known.get(nameOf(read)) ?? read
    known.set(nameOf(read), keys)
    opened.push({ name, store, own: keys })
  }
  return opened
}

/** The same text for the same keys; never leaves this process. */
function nameOf({ lock, sealer }: OwnKeys): string {
  const readers = lock.kind === 'passphrase' ? [lock.passphrase] : lock.keys.map(one => one.getFingerprint())
  const author = sealer?.kind === 'signature' ? sealer.key.getFingerprint() : (sealer?.passphrase ?? null)
  return JSON.stringify([lock.kind, readers, author])
}

/** How a manifest says whom an artifact is encrypted to. */
export function encryptionRecord(lock: Lock): Artifact['encryption'] {
  return lock.kind === 'passphrase'
    ? { kind: 'passphrase' }
    : { kind: 'recipients', fingerprints: lock.keys.map(one => one.getFingerprint()) }
}

/**
 * The manifests of destinations with keys of their own, by the destination's name: the dump is the same, its encrypted
 * form and the seal are not.
 * @param forms of each artifact's key, what was stored in its place where
 */
export async function ownManifests(
  manifest: Manifest,
  destinations: readonly Destination[],
  forms: ReadonlyMap<string, ReadonlyMap<string, StoredForm>>,
): Promise<ReadonlyMap<string, Manifest>> {
  const sealed = new Map<OwnKeys, Manifest>()
  const own = new Map<string, Manifest>()
  for (const { name, own: keys } of destinations) {
    if (keys === undefined) continue
    const artifacts = manifest.artifacts.map(one => ({ ...one, ...forms.get(one.key)?.get(name) }))
    const made = sealed.get(keys) ?? (await prepareSeal(keys.sealer)({ ...manifest, artifacts }))
    sealed.set(keys, made)
    own.set(name, made)
  }
  return own
}

/** The manifest that a result shows: the product's own, or where no destination has that one, one that a destination has. */
export function resultManifest(
  manifest: Manifest,
  outcomes: readonly DestinationOutcome[],
  own: ReadonlyMap<string, Manifest>,
): Manifest {
  const stored = outcomes.filter(one => one.outcome === 'stored').map(one => one.destination)
  const [first] = stored
  return stored.every(name => own.has(name)) && first !== undefined ? own.get(first)! : manifest
}
