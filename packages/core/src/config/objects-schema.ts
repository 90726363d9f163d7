import { z } from 'zod'
import type { ObjectStore } from '../store/object-store.js'
import { checkNames, hasEntries } from './check-names.js'
import { objectLockSchema, retentionSchema } from './destination-schema.js'
import { objectScheduleSchema } from './schedule-schema.js'
import { duration, secretReference, text } from './values.js'

const objectStore = z.custom<ObjectStore>(
  value => typeof value === 'object' && value !== null && 'get' in value && 'list' in value && 'capabilities' in value,
  { message: 'expected a store, such as s3({ bucket }) or directory(path)' },
)

/** Where runs of each job of a set are told as they begin and end. A ping belongs to one job of one set. */
const pingSchema = z
  .strictObject({
    copy: secretReference.optional(),
    verify: secretReference.optional(),
    prune: secretReference.optional(),
  })
  .refine(ping => Object.values(ping).some(one => one !== undefined), 'name a job')

export const objectSetSchema = z.strictObject({
  /** What is copied. */
  from: objectStore,
  /** Only keys that begin with this. Default: all. */
  prefix: z.string().default(''),
  /** Names of the product's destinations. Default: all of them. */
  destinations: z.array(text).min(1, 'name a destination, or leave the key out for all of them').optional(),
  /** Of snapshots. Default: no rule, which keeps everything. */
  retention: retentionSchema.default({ minimum: 3 }),
  /** Of content, in the service's own words. Listings lie where they can be read at once. Default: the store's. */
  storageClass: text.optional(),
  /** Of everything that the copies store. Default: the destination's. */
  objectLock: objectLockSchema.optional(),
  /** How old the newest snapshot may be. Default: not judged, but by the schedule. */
  rpo: duration.optional(),
  /** When its work is due. Default: nobody says. */
  schedule: objectScheduleSchema.optional(),
  /** Addresses of pings, like `notify.ping` of the product's own jobs. Default: none. */
  ping: pingSchema.optional(),
  /** What a scheduled verification reads. Default: all of it, up to its content. */
  verify: z
    .strictObject({
      level: z.enum(['listed', 'stored', 'content']).default('content'),
      /** At `stored` and `content`: which share of it, above 0. */
      sample: z.number().positive().max(1).default(1),
    })
    .default({ level: 'content', sample: 1 }),
})

/** Buckets and folders of files that belong to a product, by name. */
export const objectsSchema = z.record(z.string(), objectSetSchema).superRefine(checkSetNames, { when: hasEntries })

function checkSetNames(sets: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  if (Object.keys(sets).length > 0) checkNames('set')(sets, context)
}

/** Sets name destinations that are there, and copy nothing into itself. */
export function checkObjects(
  product: {
    readonly destinations: Readonly<Record<string, { readonly store: ObjectStore; readonly objectLock?: unknown }>>
    readonly objects?: Readonly<Record<string, z.output<typeof objectSetSchema>>> | undefined
  },
  context: z.RefinementCtx,
): void {
  for (const [name, set] of Object.entries(product.objects ?? {})) {
    const path = ['objects', name]
    for (const [at, destination] of (set.destinations ?? []).entries()) {
      if (Object.hasOwn(product.destinations, destination)) continue
      const message = `not a destination of the product: ${JSON.stringify(destination)}`
      context.addIssue({ code: 'custom', path: [...path, 'destinations', at], message })
    }
    for (const [destination, { store, objectLock }] of Object.entries(product.destinations ?? {})) {
      if (!(set.destinations?.includes(destination) ?? true)) continue
      if (set.objectLock !== undefined && store.capabilities.objectLock === false) {
        const message = `the destination ${destination} locks no objects; s3() takes objectLock: true where the service does`
        context.addIssue({ code: 'custom', path: [...path, 'objectLock'], message })
      } else if ((set.objectLock ?? objectLock) !== undefined && store.extendLock === undefined) {
        const message = `the store of the destination ${destination} cannot lock anew what a snapshot takes over from the one before`
        context.addIssue({ code: 'custom', path: [...path, 'destinations'], message })
      }
      if (set.storageClass !== undefined && store.capabilities.storageClasses === false) {
        const message = `the destination ${destination} has no storage classes; s3() takes storageClasses: true where it has`
        context.addIssue({ code: 'custom', path: [...path, 'storageClass'], message })
      }
      if (!isInside(store, set.from)) continue
      const message = `the destination ${destination} lies in it: copies would be copied`
      context.addIssue({ code: 'custom', path: [...path, 'from'], message })
    }
  }
}

/** A location says all of a folder; one bucket name may exist at several services, told apart by their host. */
function isInside(inner: ObjectStore, outer: ObjectStore): boolean {
  if (inner === outer) return true
  if (inner.name !== outer.name || inner.host !== outer.host || inner.name === 'memory') return false
  return inner.location === outer.location || inner.location.startsWith(`${outer.location}/`)
}

export type ObjectSetConfig = z.output<typeof objectSetSchema>
