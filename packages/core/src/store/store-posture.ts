/** A rule by which the place itself moves or removes objects. */
export interface LifecycleRule {
  readonly id: string
  /** Objects whose keys begin so, as the store names them; empty: all. */
  readonly prefix: string
  readonly enabled: boolean
  /** Current objects are removed after so many days; null: never. */
  readonly expiresAfterDays: number | null
  /** Older versions are. */
  readonly expiresVersionsAfterDays: number | null
  /** Uploads that were never finished are. */
  readonly abortsUploadsAfterDays: number | null
  readonly transitions: readonly { readonly afterDays: number; readonly storageClass: string }[]
}

/** How a place is set up, as far as its service says. Null: it does not, and `unknown` says why. */
export interface StorePosture {
  readonly versioning: 'on' | 'suspended' | 'off' | null
  readonly objectLock: {
    readonly enabled: boolean
    /** What every new object gets. */
    readonly byDefault: { readonly mode: 'governance' | 'compliance'; readonly days: number } | null
  } | null
  readonly lifecycle: readonly LifecycleRule[] | null
  /** What lets strangers in: `policy`, `acl`. Empty: nothing does. */
  readonly openTo: readonly ('policy' | 'acl')[] | null
  /** Whether the service refuses settings that would let strangers in. */
  readonly publicAccessBlocked: boolean | null
  /** What else one should know, for people. */
  readonly notes: readonly string[]
  readonly unknown: readonly { readonly what: string; readonly why: string }[]
}
