import { z } from 'zod'
import type { ObjectStore } from '../store/object-store.js'
import { checkNames } from './check-names.js'
import { duration } from './values.js'

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

export const destinationSchema = z.strictObject({
  store: objectStore,
  /** Default: no rule, which keeps everything. */
  retention: retentionSchema.default({ minimum: 3 }),
})

/** Two destinations in one place would be one backup under two retention policies. */
export function checkDestinations(
  destinations: Readonly<Record<string, { store: ObjectStore }>>,
  context: z.RefinementCtx,
) {
  checkNames('destination')(destinations, context)
  const seen: { readonly name: string; readonly store: ObjectStore }[] = []
  for (const [name, destination] of Object.entries(destinations)) {
    const store = destination?.store
    if (typeof store !== 'object' || store === null) continue
    const twin = seen.find(other => isSamePlace(other.store, store))
    if (twin) context.addIssue({ code: 'custom', path: [name, 'store'], message: `the same place as ${twin.name}` })
    seen.push({ name, store })
  }
}

/** A directory's path says all; one bucket name may exist at several services, so it proves nothing. */
function isSamePlace(a: ObjectStore, b: ObjectStore): boolean {
  return a === b || (a.name === 'directory' && b.name === 'directory' && a.location === b.location)
}
