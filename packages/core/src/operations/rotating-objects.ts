import type { KeyProof, ProveObjectsOptions, RotateObjectsOptions, SetRotation } from '../api/keys.js'
import { encryptionAt } from '../encryption/destination-encryption.js'
import { messageOpener } from '../encryption/message-session.js'
import type { Unlock } from '../encryption/open-pgp.js'
import { readRecordKeys } from '../encryption/record-keys.js'
import { emitterFor } from '../events/backup-event.js'
import { readGivenKey } from '../keys/given-key.js'
import { proveKeyOfObjects } from '../keys/prove-key-of-objects.js'
import { lockingCopies } from '../objects/keep-locked.js'
import { readObjectsRecords } from '../objects/objects-record.js'
import { rotateSet } from '../objects/rotate-set.js'
import { findSnapshot, snapshotMissing } from '../objects/snapshot.js'
import { rememberingKey, type SealKeys } from '../seal/seal.js'
import type { ObjectStore } from '../store/object-store.js'
import { sharedSignal } from '../streams/shared-signal.js'
import { keepObjectsRecord } from './object-records.js'
import { destinationsOfSet, objectSetOf, writingKeysOf } from './object-sets.js'
import type { OpenContext } from './open-context.js'
import { withGivenKeys } from './with-given-keys.js'

/** Encrypts the snapshots of a set anew, destination by destination; without `apply` says which would be. */
export async function rotateObjects(
  context: OpenContext,
  { product, set }: { readonly product: string; readonly set: string },
  run: RotateObjectsOptions,
): Promise<SetRotation[]> {
  const { deps } = context
  const config = objectSetOf(context, product, set)
  const given: Unlock = run.key === undefined ? { privateKeys: [] } : await readGivenKey(run.key)
  // Keys first: nothing is read before it is known that the result can be encrypted and read again.
  const chosen = []
  for (const [destination, { store: plain, objectLock: rule }] of destinationsOfSet(context, product, config, run)) {
    const objectLock = config.objectLock ?? rule
    const store = lockingCopies(plain, objectLock, { product, set, now: deps.now })
    const { sealKeys, listingUnlock, ...writing } = await writingKeysOf(context, product, destination)
    const own = await context.unlockFor(product, destination)()
    const privateKeys = [...given.privateKeys, ...own.privateKeys, ...listingUnlock.privateKeys]
    const old: SealKeys[] =
      // The passphrase that opens an old snapshot also made its seal.
      given.passphrase === undefined ? [] : [{ expected: 'hmac', passphrase: given.passphrase, signers: [] }]
    chosen.push({
      ...{ destination, store, objectLock, ...writing, sealKeys: [sealKeys, ...old] },
      open: messageOpener({ passphrase: given.passphrase ?? own.passphrase, privateKeys }),
      openNew: messageOpener({ passphrase: own.passphrase, privateKeys }),
    })
  }
  const results: SetRotation[] = []
  for (const one of chosen)
    results.push(
      await rotateSet({
        ...{ product, set, ...one, storageClass: config.storageClass },
        ...{ apply: run.apply ?? false, removeOld: run.removeOld ?? false, retrieve: run.retrieve },
        keepRecord: record => keepObjectsRecord(withGivenKeys(context, given), one.store, record, run),
        readRecords: () => readRecords(one.destination, one.store),
        ...{ now: deps.now, random: deps.random, sleep: deps.sleep, lockLeaseMs: deps.lockLeaseMs },
        ...{ emit: emitterFor(run.onEvent), signal: run.signal },
      }),
    )
  return results

  async function readRecords(destination: string, store: ObjectStore) {
    const keys = await readRecordKeys(
      encryptionAt(context.productOf(product), destination),
      context.keys,
      context.folder,
    )
    const options = { keyOf: rememberingKey(), signal: run.signal }
    return readObjectsRecords({ store, product, set, destination }, keys, options)
  }
}

/** Shows that a key opens a snapshot, in the first destination that has it. */
export async function proveObjects(
  context: OpenContext,
  { product, set }: { readonly product: string; readonly set: string },
  run: ProveObjectsOptions,
): Promise<KeyProof> {
  const { folder, deps } = context
  for (const [destination, { store }] of destinationsOfSet(context, product, objectSetOf(context, product, set), run)) {
    const snapshot = await findSnapshot({ store, product, set, destination }, run.snapshot, run)
    if (snapshot === undefined) continue
    const unlock = run.key === undefined ? await context.unlockFor(product, destination)() : await readGivenKey(run.key)
    return proveKeyOfObjects({
      ...{ product, set, destination, store, snapshot, unlock, folder, whole: run.whole ?? false },
      sealKeys: await context.sealKeysFor(product, destination)(),
      encryption: encryptionAt(context.productOf(product), destination),
      ...{ retrieve: run.retrieve, sleep: deps.sleep, emit: emitterFor(run.onEvent) },
      ...{ now: deps.now, signal: sharedSignal(run.signal) },
    })
  }
  throw snapshotMissing(product, set, run.snapshot)
}
