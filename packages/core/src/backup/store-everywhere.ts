import type { DestinationOutcome } from '../api/backups.js'
import type { Scan } from '../archive/scan-stage.js'
import type { Lock } from '../encryption/open-pgp.js'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { cancellation, throwIfCancelled } from '../errors/cancelled.js'
import type { EventListener } from '../events/backup-event.js'
import { manifestKey } from '../repository/layout.js'
import type { Artifact, Manifest } from '../repository/manifest.js'
import type { Sealer } from '../seal/manifest-seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { type ByteSource, bytesOf } from '../streams/byte-source.js'
import { encryptEverywhere } from './encrypt-everywhere.js'
import { encryptionRecord } from './own-keys.js'

/** A store by the name that the configuration gives it. */
export interface Destination {
  readonly name: string
  readonly store: ObjectStore
  /** Where its readers are others than the product's. */
  readonly own?: OwnKeys | undefined
}

/** What backups in a destination with readers of its own are encrypted to and sealed with. */
export interface OwnKeys {
  readonly lock: Lock
  readonly sealer: Sealer
}

/** How an artifact lies in a destination: the same plain bytes, encrypted for its readers. */
export type StoredForm = Pick<Artifact, 'storedBytes' | 'storedSha256' | 'encryption'>

/** One artifact, stored: what was dumped, what was sent, and where it did not arrive. */
export interface StoredArtifact {
  readonly scan: Scan
  /** As it lies in the destinations that have the product's own readers. */
  readonly storedBytes: number
  readonly storedSha256: string
  /** As it lies in each destination that took it, by name. */
  readonly forms: ReadonlyMap<string, StoredForm>
  readonly failures: Map<string, BackupError>
}

/**
 * Runs what was packed through encryption into every destination.
 * @throws BackupError when no destination has the artifact, or the dump failed; then nothing of it is left anywhere
 */
export async function storeEverywhere(work: {
  /** The artifact before its encryption: scanned and compressed. Tells what the scan saw before it ends. */
  readonly packed: (done: (scan: Scan) => void) => ByteSource
  readonly stopSource: () => void
  readonly key: string
  readonly lock: Lock
  readonly destinations: readonly Destination[]
  readonly expectedBytes: number
  readonly emit: EventListener
  readonly signal: AbortSignal | undefined
}): Promise<StoredArtifact> {
  const { key, destinations, emit, signal } = work
  let scan: Scan | undefined
  const packed = work.packed(done => {
    scan = done
  })
  const { outcomes, sent } = await encryptEverywhere(packed, {
    ...{ lock: work.lock, destinations, stopSource: work.stopSource },
    put: ({ store }, bytes) => store.put(key, bytes, { ifAbsent: true, expectedBytes: work.expectedBytes, signal }),
  }).catch((error: unknown) => {
    throw signal?.aborted ? cancellation(signal) : error
  })
  try {
    throwIfCancelled(signal)
    const failures = new Map<string, BackupError>()
    const forms = new Map<string, StoredForm>()
    for (const [index, outcome] of outcomes.entries()) {
      const { name, store } = destinations[index]!
      const failure =
        outcome.status === 'rejected'
          ? wrapStoreError(outcome.reason, { store, doing: `store ${key}`, signal })
          : await checkRecorded(store, key, sent.get(name)!.digest.bytes, signal)
      throwIfCancelled(signal)
      if (failure) {
        failures.set(name, reportFailure(name, failure, emit))
        continue
      }
      const { digest, lock } = sent.get(name)!
      const form = { storedBytes: digest.bytes, storedSha256: digest.sha256, encryption: encryptionRecord(lock) }
      forms.set(name, form)
      emit({ type: 'artifact.stored', destination: name, key, storedBytes: form.storedBytes })
    }
    if (failures.size === destinations.length || scan === undefined) throw allFailed(failures)
    const refused = destinations.filter((one, index) => failures.has(one.name) && took(outcomes[index]))
    await removeEverywhere(refused, [key], emit)
    // Where all of the product's own readers failed, what the others have is the backup.
    const shared = destinations.find(one => one.own === undefined && forms.has(one.name))
    const { storedBytes, storedSha256 } = forms.get(shared?.name ?? '') ?? [...forms.values()][0]!
    return { scan, storedBytes, storedSha256, forms, failures }
  } catch (error) {
    const wrote = destinations.filter((_, index) => took(outcomes[index]))
    await removeEverywhere(wrote, [key], emit)
    throw error
  }
}

function took(outcome: PromiseSettledResult<unknown> | undefined): boolean {
  return outcome?.status === 'fulfilled'
}

/** What the store recorded must be what was sent. */
async function checkRecorded(
  store: ObjectStore,
  key: string,
  sentBytes: number,
  signal: AbortSignal | undefined,
): Promise<BackupError | undefined> {
  try {
    const recorded = await store.head(key, { signal })
    if (recorded?.sizeBytes === sentBytes) return undefined
    return new BackupError(
      'object-damaged',
      `${store.location} holds ${recorded?.sizeBytes ?? 0} bytes of ${key} where ${sentBytes} were sent`,
      { hint: 'check the store, then run the backup again' },
    )
  } catch (error) {
    return wrapStoreError(error, { store, doing: `check ${key}`, signal })
  }
}

/** Stores the manifest, last of all; a destination that refuses it loses the artifacts again and counts as failed. */
export async function publish(
  manifest: Manifest,
  destinations: readonly Destination[],
  failures: Map<string, BackupError>,
  context: {
    readonly emit: EventListener
    readonly signal: AbortSignal | undefined
    /** Of destinations that have one of their own. */
    readonly own?: ReadonlyMap<string, Manifest> | undefined
  },
): Promise<void> {
  const key = manifestKey(manifest.product, manifest.id)
  for (const { name, store } of destinations) {
    const text = `${JSON.stringify(context.own?.get(name) ?? manifest, null, 2)}\n`
    try {
      await store.put(key, bytesOf(text), { ifAbsent: true, expectedBytes: text.length, signal: context.signal })
    } catch (error) {
      throwIfCancelled(context.signal)
      failures.set(
        name,
        reportFailure(
          name,
          wrapStoreError(error, { store, doing: `store ${key}`, signal: context.signal }),
          context.emit,
        ),
      )
      await removeEverywhere(
        [{ name, store }],
        [key, ...manifest.artifacts.map(artifact => artifact.key)],
        context.emit,
      )
    }
  }
}

/**
 * Removes objects of a backup that is not to be, in their order; what cannot be removed is said. Where a manifest stays,
 * what it names stays, too.
 */
export async function removeEverywhere(
  destinations: readonly Destination[],
  keys: readonly string[],
  emit: EventListener,
): Promise<void> {
  for (const { name, store } of destinations) {
    for (const key of keys) {
      try {
        await store.remove(key)
      } catch (error) {
        // The failure that led here is the one to report; what stays is whole, or has no manifest and a later prune clears it.
        const reason = isBackupError(error)
          ? error.message
          : wrapStoreError(error, { store, doing: `remove ${key}` }).message
        emit({ type: 'warning.raised', message: `${name}: ${reason}` })
        if (key.endsWith('/manifest.json')) break
      }
    }
  }
}

export function outcomeOf({ name, store }: Destination, failure: BackupError | undefined): DestinationOutcome {
  const error = failure ? { code: failure.code, message: failure.message, hint: failure.hint ?? null } : null
  return { destination: name, location: store.location, outcome: failure ? 'failed' : 'stored', error }
}

function reportFailure(destination: string, failure: BackupError, emit: EventListener): BackupError {
  emit({
    type: 'destination.failed',
    destination,
    code: failure.code,
    message: failure.message,
    hint: failure.hint ?? null,
  })
  return failure
}

export function allFailed(failures: ReadonlyMap<string, BackupError>): BackupError {
  const [first] = failures.values()
  if (failures.size <= 1 && first) return first
  const all = [...failures].map(([name, failure]) => `${name}: ${failure.message}`).join('; ')
  return new BackupError('destinations-failed', `no destination took the backup: ${all}`, {
    cause: first,
    hint: '`lifeboat doctor` tries each store',
  })
}
