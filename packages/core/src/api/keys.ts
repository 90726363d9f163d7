import type { SecretReference } from '../config/secret.js'
import type { KeyListing } from '../keys/key-state.js'
import type { KeyProofRecord } from '../keys/proof-record.js'
import type { Retrieval } from '../retrieval/retrieve-backup.js'
import type { BackupName, RetrieveBackupOptions, RunOptions, SelectOptions } from './run-options.js'

/** A key that is used for one call, besides those that the configuration names. */
export interface GivenKey {
  /** The path of an OpenPGP private key, from the current folder, or the key itself. */
  readonly privateKey?: string | SecretReference | undefined
  /** What unlocks that private key. */
  readonly privateKeyPassphrase?: SecretReference | undefined
  /** Of backups that are encrypted with one. */
  readonly passphrase?: SecretReference | undefined
}

export interface ProveOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** The key to prove. Default: the private key or the passphrase that the configuration names. */
  readonly key?: GivenKey | undefined
  /** Read the backup to its end, not its front only. Default: false. */
  readonly whole?: boolean | undefined
}

/** What was shown of a key. */
export interface KeyProof {
  readonly record: KeyProofRecord
  /** Where the record lies in the store; null: the backup is in no configured destination, and nothing was recorded. */
  readonly recordedAs: string | null
}

export interface RotateOptions extends RunOptions, SelectOptions, RetrieveBackupOptions {
  /** The destination of the new backup. Default: the same, beside the old one. */
  readonly to?: string | undefined
  /** What opens the old backup, where the configuration names no such key (any more). */
  readonly key?: GivenKey | undefined
  /** Remove the old backup once the new one was read to its end and found whole. Default: false. */
  readonly removeOld?: boolean | undefined
  /** Only say what would be done. Default: false. */
  readonly dryRun?: boolean | undefined
}

/** What became of one backup. */
export interface RotateResult {
  readonly product: string
  /** The old backup, and where it lies. */
  readonly id: string
  readonly destination: string
  /**
   * `rotated`: encrypted anew; `present`: that was done before; `current`: it opens with the configured keys and no
   * others, and nothing was done; `due`: with `dryRun`, it would be encrypted anew.
   */
  readonly outcome: 'rotated' | 'present' | 'current' | 'due'
  /** The new backup; that of `outcome` `present` likewise, and null for `current`. */
  readonly rotated: { readonly id: string; readonly destination: string } | null
  /**
   * How far the new one was checked: `content` with a key at hand that opens it, else `stored`: every stored byte. Null
   * where nothing was written, or where it went into an archive and cannot be read now.
   */
  readonly verified: 'content' | 'stored' | null
  readonly removedOld: boolean
  /** Why the old one is still there although it was to go. */
  readonly kept: string | null
}

export interface ProveObjectsOptions extends Omit<ProveOptions, 'destination'>, SelectOptions {
  /** An id. Default: the newest. */
  readonly snapshot?: string | undefined
}

export interface RotateObjectsOptions extends RunOptions, SelectOptions {
  /** Do it. Default: false, say what would be done. */
  readonly apply?: boolean | undefined
  /** How content in an archive is brought back, that of all snapshots at once. Default: it is not. */
  readonly retrieve?: Retrieval | undefined
  /** What opens the old snapshots, where the configuration names no such key (any more). */
  readonly key?: GivenKey | undefined
  /** Remove each old snapshot once its new one was read to its end, and the content that none needs then. Default: false. */
  readonly removeOld?: boolean | undefined
}

/** What became of one snapshot of a set of objects. */
export interface RotatedSnapshot {
  /** The old one. */
  readonly id: string
  readonly objects: number
  readonly plainBytes: number
  /**
   * `due`: it would be encrypted anew; `failed`: it could not be, and nothing was left of the attempt; else as in
   * {@link RotateResult}.
   */
  readonly outcome: 'rotated' | 'present' | 'current' | 'due' | 'failed'
  /** The new one. */
  readonly rotated: string | null
  /** How far what was written was checked, as in {@link RotateResult}; `listed`: it lies in an archive. */
  readonly verified: 'content' | 'stored' | 'listed' | null
  readonly removedOld: boolean
  /** Why the old one is still there although it was to go. */
  readonly kept: string | null
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null
}

/** What became of the snapshots of a set in one destination, the oldest first. */
export interface SetRotation {
  readonly product: string
  readonly set: string
  readonly destination: string
  readonly applied: boolean
  readonly snapshots: readonly RotatedSnapshot[]
  /** Content of old snapshots that was removed. */
  readonly freed: { readonly count: number; readonly storedBytes: number }
}

/** What answers who can read the backups, and changes it. */
export interface KeyOperations {
  /** The keys that open a product's newest backups and those that its next ones are encrypted to. Needs no private key. */
  listKeys(product: string, options?: RunOptions): Promise<KeyListing>
  /**
   * Shows that a key opens a backup, and records it in the backup's destination.
   * @throws BackupError `wrong-key`, `key-missing`, `object-damaged`, `seal-wrong`
   */
  proveKey(backup: BackupName, options?: ProveOptions): Promise<KeyProof>
  /**
   * Encrypts a backup anew, to the keys that are configured now: a new backup of the same data beside the old one or in
   * another destination, with a new session key, sealed anew and verified. The old one stays.
   * @throws BackupError `wrong-key`, `key-missing`, `object-damaged`, `seal-wrong`, `seal-missing`; then nothing was written
   */
  rotate(backup: BackupName, options?: RotateOptions): Promise<RotateResult>
  /**
   * The same with a snapshot of objects: its listing, and of every run whose content it needs the first object.
   * @throws BackupError as {@link proveKey}
   */
  proveKeyOfObjects(product: string, set: string, options?: ProveObjectsOptions): Promise<KeyProof>
  /**
   * Encrypts the snapshots of a set of objects anew, in each of its destinations: new snapshots with the dates of the old
   * ones. The next copy builds on the newest of them.
   * @throws BackupError `locked`, and what a destination throws
   */
  rotateObjects(product: string, set: string, options?: RotateObjectsOptions): Promise<readonly SetRotation[]>
}
