import { resolve } from 'node:path'
import type * as openpgp from 'openpgp'
import type { EncryptionConfig } from '../config/config-schema.js'
import { readPublicKeys } from '../encryption/open-pgp.js'
import { type FallbackKeys, readSealKeys } from '../encryption/product-keys.js'
import { readRecordKeys } from '../encryption/record-keys.js'
import { isBackupError } from '../errors/backup-error.js'
import type { Snapshot } from '../objects/snapshot.js'
import { anyOpenersOfSnapshot, openersOfSnapshot } from '../objects/snapshot-encryption.js'
import type { Manifest } from '../repository/manifest.js'
import { readSealed } from '../repository/verification-record.js'
import type { SealKeys } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import type { KeyedBackup, KeyProved, KeyState } from './key-state.js'
import { type ProofKeys, readKeyProofs } from './proof-record.js'

/** A destination of a product, as it was listed. */
export interface KeyPlace {
  readonly destination: string
  readonly store: ObjectStore
  /** Who can read the backups in it. */
  readonly encryption: EncryptionConfig
  /** Whether it has a passphrase of its own. */
  readonly ownPassphrase: boolean
  /** The newest backup in it; undefined: there is none. */
  readonly newest: Manifest | undefined
  /** The newest snapshot in it of each set of objects that is copied there. Default: none. */
  readonly snapshots?: readonly Snapshot[] | undefined
}

export interface KeyReading {
  readonly product: string
  /** Relative paths of keys start here. */
  readonly folder: string
  readonly fallback: FallbackKeys
  readonly now: Date
}

type Growing = {
  -readonly [Name in keyof KeyState]: KeyState[Name] extends readonly (infer One)[] ? One[] : KeyState[Name]
}

/**
 * The keys that a product's destinations and their newest backups name, each with the last time that somebody proved it.
 * Reads public keys, and the records in the stores; no private key.
 */
export async function readKeyStates(
  reading: KeyReading,
  places: readonly KeyPlace[],
  signal?: AbortSignal,
): Promise<KeyState[]> {
  const states = new Map<string, Growing>()
  const stateOf = (key: string, kind: KeyState['kind']): Growing => {
    const known = states.get(key) ?? blank(key, kind)
    states.set(key, known)
    return known
  }
  for (const place of places) {
    const { destination, encryption } = place
    const phrase = place.ownPassphrase ? `passphrase of ${destination}` : 'passphrase'
    const lying = lyingIn(place, phrase)
    for (const { backup, some } of lying)
      for (const key of some) stateOf(key, key === phrase ? 'passphrase' : 'public-key').opens.push(backup)
    const configured = await configuredKeys(reading, encryption, phrase)
    for (const one of configured) {
      const state = Object.assign(stateOf(one.key, one.kind), one)
      state.encrypts.push(destination)
      for (const { backup, whole } of lying) if (!whole.includes(one.key)) state.misses.push(backup)
    }
    const proved = lying.length === 0 ? [] : await readProofs(reading, place, phrase, signal)
    for (const [key, proof] of proved) {
      const state = states.get(key)
      if (state && (state.proved === null || state.proved.at < proof.at)) state.proved = proof
    }
  }
  return [...states.values()]
}

/** What lies in a destination: which keys open some of it, and which all of it. */
function lyingIn({ destination, newest, snapshots = [] }: KeyPlace, phrase: string) {
  const found: { backup: KeyedBackup; some: readonly string[]; whole: readonly string[] }[] = []
  if (newest !== undefined) {
    const whole = openersOf(newest, phrase).map(({ key }) => key)
    found.push({ backup: { destination, id: newest.id, createdAt: newest.createdAt }, some: whole, whole })
  }
  for (const one of snapshots)
    found.push({
      backup: { set: one.set, destination, id: one.id, createdAt: one.createdAt },
      // Whoever opens what is left of earlier runs must be seen, too.
      some: anyOpenersOfSnapshot(one, phrase),
      whole: openersOfSnapshot(one, phrase),
    })
  return found
}

function blank(key: string, kind: KeyState['kind']): Growing {
  return {
    ...{ key, kind, userIds: [], expiresAt: null, unusable: null },
    encrypts: [],
    opens: [],
    misses: [],
    proved: null,
  }
}

/** Which keys open a backup whole, by its manifest. */
export function openersOf(manifest: Manifest, phrase = 'passphrase'): Pick<KeyState, 'key' | 'kind'>[] {
  const of = ({ encryption }: Manifest['artifacts'][number]) =>
    encryption.kind === 'passphrase' ? [phrase] : encryption.fingerprints
  const [first, ...others] = manifest.artifacts
  const keys = of(first!).filter(key => others.every(one => of(one).includes(key)))
  return keys.map(key => ({ key, kind: key === phrase ? 'passphrase' : 'public-key' }))
}

async function configuredKeys(
  { folder, now }: KeyReading,
  encryption: EncryptionConfig,
  phrase: string,
): Promise<Pick<KeyState, 'key' | 'kind' | 'userIds' | 'expiresAt' | 'unusable'>[]> {
  if ('passphrase' in encryption)
    return [{ key: phrase, kind: 'passphrase', userIds: [], expiresAt: null, unusable: null }]
  const keys = await readPublicKeys(
    encryption.recipients.map(path => resolve(folder, path)),
    'recipient',
  )
  return Promise.all(keys.map(key => describeKey(key, now)))
}

/** What a public key says of itself. */
export async function describeKey(
  key: openpgp.PublicKey,
  now: Date,
): Promise<Pick<KeyState, 'key' | 'kind' | 'userIds' | 'expiresAt' | 'unusable'>> {
  const usable = await key.getEncryptionKey(undefined, now).then(
    found => ({ found, why: null }),
    async (error: unknown) => ({
      // What it was encrypted to before it expired.
      found: await key.getEncryptionKey(undefined, key.getCreationTime()).catch(() => undefined),
      why: error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error),
    }),
  )
  const ends = [await key.getExpirationTime(), await usable.found?.getExpirationTime()]
  const dates = ends.filter(end => end instanceof Date).sort((a, b) => a.getTime() - b.getTime())
  return {
    key: key.getFingerprint(),
    kind: 'public-key',
    userIds: key.getUserIDs(),
    expiresAt: dates[0]?.toISOString() ?? null,
    unusable: usable.why,
  }
}

async function readProofs(
  reading: KeyReading,
  place: KeyPlace,
  phrase: string,
  signal: AbortSignal | undefined,
): Promise<[string, KeyProved][]> {
  const { product } = reading
  const { destination, store, encryption } = place
  const recordKeys = await readRecordKeys(encryption, reading.fallback, reading.folder)
  const proofKeys = await readProofKeys(reading, encryption)
  const proved: [string, KeyProved][] = []
  for (const one of await readKeyProofs(store, { product, destination }, proofKeys, signal))
    proved.push([one.fingerprint ?? phrase, provedBy('proof', one, one.backupCreatedAt)])
  const { counted } = await readSealed(store, { product, destination }, recordKeys, signal)
  for (const { record, seal } of counted) {
    // A record is signed by the key that opened the backup; without a seal nobody knows whose that was.
    if (!record.ok || seal === null || (record.level !== 'content' && record.level !== 'restored')) continue
    const key = seal.kind === 'hmac' ? phrase : seal.fingerprint
    proved.push([key, provedBy(record.kind, record, record.backupCreatedAt ?? record.at)])
  }
  return proved
}

function provedBy(
  by: KeyProved['by'],
  { set, destination, id, at }: Pick<KeyProved, 'set' | 'destination' | 'id' | 'at'>,
  createdAt: KeyedBackup['createdAt'],
): KeyProved {
  return { ...(set !== undefined && { set }), destination, id, createdAt, at, by }
}

/** What the proofs in a destination are checked with. */
async function readProofKeys(reading: KeyReading, encryption: EncryptionConfig): Promise<ProofKeys> {
  const { fallback, folder } = reading
  const others = await readSealKeys(encryption, fallback, folder).catch((error: unknown): SealKeys => {
    // A machine without the passphrase cannot judge a seal made with it; one without a seal does not count there either.
    if (isBackupError(error, 'key-missing') || isBackupError(error, 'secret-missing'))
      return { expected: 'passphrase' in encryption ? 'hmac' : undefined, signers: [] }
    throw error
  })
  if ('passphrase' in encryption) return { own: others, signing: new Set(), others }
  const own = await readRecordKeys(encryption, fallback, folder)
  const all = await readPublicKeys(
    encryption.recipients.map(path => resolve(folder, path)),
    'recipient',
  )
  const recipients = new Set(all.map(key => key.getFingerprint()))
  const signing = own.signers.map(key => key.getFingerprint()).filter(one => recipients.has(one))
  return { own, signing: new Set(signing), others }
}
