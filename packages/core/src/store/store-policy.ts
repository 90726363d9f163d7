/** Who works on a store: `writer` backs up, `verifier` reads back and restores, `pruner` removes. */
export const storeRoles = ['writer', 'verifier', 'pruner'] as const
export type StoreRole = (typeof storeRoles)[number]

/** What of a destination's rules needs rights of its own. */
export interface PolicyNeeds {
  /** Objects are locked as they are written. */
  readonly objectLock: boolean
  /** Buckets or folders are copied into it, object by object. */
  readonly objects: boolean
  /** What was told whom is remembered in it. */
  readonly alerts: boolean
}

/** The rights of a role, and what they cannot say. */
export interface StorePolicy {
  /** In the service's own form, to be printed as JSON. */
  readonly document: unknown
  /** What whoever sets it should know, for people. */
  readonly notes: readonly string[]
}
