import { z } from 'zod'
import type { ObjectStore } from '../store/object-store.js'
import { checkNames } from './check-names.js'
import { duration, text } from './values.js'

const objectStore = z.custom<ObjectStore>(
  value => typeof value === 'object' && value !== null && 'put' in value && 'list' in value && 'capabilities' in value,
  { message: 'expected a store, such as directory(path) or s3({ bucket })' },
)
const count = z.number().int().positive('expected a whole number above 0; leave a rule out to not use it')

/** Which backups of a destination to keep; everything else may go. See `docs/retention.md`. */
export const retentionSchema = z.strictObject({
  /** The newest n backups. */
  last: count.optional(),
  /** Every backup younger than this, measured back from the newest verified one. */
  keepWithin: duration.optional(),
  /** The newest backup of each of the newest n hours that have one; the others likewise. */
  hourly: count.optional(),
  daily: count.optional(),
  weekly: count.optional(),
  monthly: count.optional(),
  yearly: count.optional(),
  /** Never fewer verified backups than this. Default: 3. */
  minimum: z.number().int().min(1, 'expected 1 or more: the newest verified backup always stays').default(3),
})

/** S3 Object Lock of a backup's objects: nobody removes them before their time. */
export const objectLockSchema = z
  .strictObject({
    /** `governance`: credentials with a right of their own may; `compliance`: nobody, the account's owner included. */
    mode: z.enum(['governance', 'compliance']).default('governance'),
    /** From the moment of the upload. */
    days: z.number().int('expected whole days').min(1).max(36_500).optional(),
    /** Kept until somebody takes the hold off again. */
    legalHold: z.boolean().default(false),
  })
  .refine(({ days, legalHold }) => days !== undefined || legalHold, 'say for how many days, or legalHold: true')

export type ObjectLockConfig = z.output<typeof objectLockSchema>

/** How often a destination takes a backup that the others take each time. */
export const destinationIntervals = ['daily', 'weekly', 'monthly', 'yearly'] as const

export const destinationSchema = z.strictObject({
  store: objectStore,
  /** Default: no rule, which keeps everything. */
  retention: retentionSchema.default({ minimum: 3 }),
  /** Of the artifacts, in the service's own words: `STANDARD_IA`, `DEEP_ARCHIVE`. Default: the store's. */
  storageClass: text.optional(),
  /** Default: not locked, unless the bucket says so by itself. */
  objectLock: objectLockSchema.optional(),
  /** `monthly`: the first backup of each month (UTC) goes there, and no other; the rest alike. Default: each backup. */
  schedule: z.strictObject({ every: z.enum(destinationIntervals) }).optional(),
})

/** Two destinations in one place would be one backup under two retention policies. */
export function checkDestinations(
  destinations: Readonly<
    Record<string, { store: ObjectStore; storageClass?: string | undefined; objectLock?: unknown; schedule?: unknown }>
  >,
  context: z.RefinementCtx,
) {
  checkNames('destination')(destinations, context)
  const all = Object.entries(destinations)
  const add = (name: string, key: string, message: string) =>
    context.addIssue({ code: 'custom', path: [name, key], message })
  for (const [name, one] of all) {
    const { store, storageClass, objectLock } = one ?? {}
    if (storageClass !== undefined && store?.capabilities?.storageClasses === false)
      add(name, 'storageClass', `${store.name} has no storage classes; s3() takes storageClasses: true where it has`)
    if (objectLock !== undefined && store?.capabilities?.objectLock === false)
      add(name, 'objectLock', `${store.name} locks no objects; s3() takes objectLock: true where the service does`)
  }
  if (all.length > 0 && all.every(([, one]) => one?.schedule !== undefined))
    add(all[0]![0], 'schedule', 'one destination at least must take every backup')
  const seen: { readonly name: string; readonly store: ObjectStore }[] = []
  for (const [name, destination] of Object.entries(destinations)) {
    const store = destination?.store
    if (typeof store !== 'object' || store === null) continue
    const twin = seen.find(other => isSamePlace(other.store, store))
    if (twin) context.addIssue({ code: 'custom', path: [name, 'store'], message: `the same place as ${twin.name}` })
    seen.push({ name, store })
  }
}

/** A location says all of a folder; one bucket name may exist at several services, told apart by their host. */
function isSamePlace(a: ObjectStore, b: ObjectStore): boolean {
  if (a === b) return true
  return a.name !== 'memory' && a.name === b.name && a.host === b.host && a.location === b.location
}
