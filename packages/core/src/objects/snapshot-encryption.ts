import type { Lock } from '../encryption/open-pgp.js'
import type { Snapshot } from './snapshot.js'

type Encryption = Snapshot['encryption']

/** How a head tells to whom something is encrypted. */
export function encryptionOf(lock: Lock): Encryption {
  if (lock.kind === 'passphrase') return { kind: 'passphrase' }
  return { kind: 'recipients', fingerprints: lock.keys.map(key => key.getFingerprint()) }
}

/** By what the heads say: one passphrase cannot be told from another. */
export function sameEncryption(one: Encryption, other: Encryption): boolean {
  if (one.kind !== 'recipients' || other.kind !== 'recipients') return one.kind === other.kind
  const { fingerprints } = one
  return (
    fingerprints.length === other.fingerprints.length && fingerprints.every(key => other.fingerprints.includes(key))
  )
}

/** To whom the content of a run is encrypted that a snapshot needs. */
export function encryptionOfRun(snapshot: Snapshot, run: string): Encryption {
  return snapshot.olderContent?.find(({ runs }) => runs.includes(run))?.encryption ?? snapshot.encryption
}

/** What of the content of earlier runs is encrypted to others than new content is; undefined where there is none. */
export function olderContentOf(
  runs: Iterable<string>,
  current: Encryption,
  of: (run: string) => Encryption,
): Snapshot['olderContent'] {
  const older: { encryption: Encryption; runs: string[] }[] = []
  for (const run of runs) {
    const encryption = of(run)
    if (sameEncryption(encryption, current)) continue
    const known = older.find(one => sameEncryption(one.encryption, encryption))
    if (known === undefined) older.push({ encryption, runs: [run] })
    else known.runs.push(run)
  }
  return older.length === 0 ? undefined : older
}

/** Which keys open everything in a snapshot: their fingerprints, or `phrase` for the passphrase. */
export function openersOfSnapshot(snapshot: Snapshot, phrase = 'passphrase'): string[] {
  const of = (encryption: Encryption) => (encryption.kind === 'passphrase' ? [phrase] : encryption.fingerprints)
  const others = (snapshot.olderContent ?? []).map(({ encryption }) => of(encryption))
  return of(snapshot.encryption).filter(key => others.every(one => one.includes(key)))
}

/** Which keys open anything in it. */
export function anyOpenersOfSnapshot(snapshot: Snapshot, phrase = 'passphrase'): string[] {
  const all = [snapshot.encryption, ...(snapshot.olderContent ?? []).map(({ encryption }) => encryption)]
  return [...new Set(all.flatMap(one => (one.kind === 'passphrase' ? [phrase] : one.fingerprints)))]
}
