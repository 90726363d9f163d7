import type { Finding } from '../api/verification.js'

/** A backup or a snapshot of objects, where it lies. */
export interface KeyedBackup {
  /** The set of objects that it is a snapshot of; absent for a backup. */
  readonly set?: string | undefined
  readonly destination: string
  readonly id: string
  readonly createdAt: string
}

/** When somebody showed last that a key opens a backup, and how. */
export interface KeyProved extends KeyedBackup {
  readonly at: string
  /** `verification` and `drill`: their record is signed by the key that opened the backup. */
  readonly by: 'proof' | 'verification' | 'drill'
}

/** One key that opens backups of a product, or shall. Holds no secret. */
export interface KeyState {
  /** Its fingerprint; `passphrase`, or `passphrase of DESTINATION` where that has its own. */
  readonly key: string
  readonly kind: 'public-key' | 'passphrase'
  /** Empty for a passphrase, and for a key whose public half the configuration does not name. */
  readonly userIds: readonly string[]
  readonly expiresAt: string | null
  /** Why no new backup can be encrypted to it; null where one can. */
  readonly unusable: string | null
  /** Destinations whose next backups are encrypted to it. None: it is not configured any more. */
  readonly encrypts: readonly string[]
  /** Of each destination's newest backup, and newest snapshot of each set, those that it opens, by their manifests and heads. */
  readonly opens: readonly KeyedBackup[]
  /** Of those in `encrypts` the newest backups that it does not open: they were made before it was configured. */
  readonly misses: readonly KeyedBackup[]
  readonly proved: KeyProved | null
}

/** What stands against a key. */
export interface KeyFinding extends Finding {
  /** As {@link KeyState.key}. */
  readonly subject: string
  /** Since when, where that is known; RFC 3339. */
  readonly since: string | null
}

/** The keys of a product, and what is wrong with them. */
export interface KeyListing {
  readonly product: string
  readonly keys: readonly KeyState[]
  readonly findings: readonly KeyFinding[]
  /** Destinations that did not answer, and why: what their backups need is not known. */
  readonly unread: readonly { readonly destination: string; readonly message: string }[]
}
