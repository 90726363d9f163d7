import { z } from 'zod'
import type { BackupProvider } from '../provider/backup-provider.js'
import { isProductName } from '../repository/layout.js'
import type { ObjectStore } from '../store/object-store.js'
import { isSecret, type SecretReference } from './secret.js'
import { parseDurationMs, parseSizeBytes } from './units.js'

const duration = z.string().transform((text, context) => {
  const value = parseDurationMs(text)
  if (!value) context.addIssue(`not a duration: ${JSON.stringify(text)} (write 15m, 24h, 30d)`)
  return value ?? 0
})

const size = z.string().transform((text, context) => {
  const value = parseSizeBytes(text)
  if (value === undefined) context.addIssue(`not a size: ${JSON.stringify(text)} (write 10MB, 2GB)`)
  return value ?? 0
})

const text = z.string().min(1, 'must not be empty')
const secretReference = z.custom<SecretReference>(isSecret, { message: "expected secret.env('NAME')" })
const objectStore = z.custom<ObjectStore>(
  value => typeof value === 'object' && value !== null && 'put' in value && 'list' in value && 'capabilities' in value,
  { message: 'expected a store, such as directory(path) or s3({ bucket })' },
)
const backupProvider = z.custom<BackupProvider>(
  value => typeof value === 'object' && value !== null && 'list' in value && 'classify' in value && !('put' in value),
  { message: 'expected a provider, such as supabase({ projectRef, accessToken })' },
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

/** Who can read the backups: the holders of OpenPGP keys, or of one passphrase. */
export const encryptionSchema = z.union(
  [
    z.strictObject({
      /** Paths of armored public keys. Every one of them can decrypt. */
      recipients: z.array(text).min(1, 'name at least one public key'),
      /** The path of an armored private key, or the key itself as a secret. Needed to verify and to restore. */
      privateKey: z.union([text, secretReference], "expected a path or secret.env('NAME')").optional(),
      privateKeyPassphrase: secretReference.optional(),
      /**
       * The path of an armored private key that seals manifests, or the key itself as a secret: another one than
       * `privateKey`, so that the machine that writes backups cannot read them. Default: manifests are not sealed.
       */
      signingKey: z.union([text, secretReference], "expected a path or secret.env('NAME')").optional(),
      signingKeyPassphrase: secretReference.optional(),
      /** Paths of armored public keys whose seals count, besides that of `signingKey`. */
      signers: z.array(text).optional(),
    }),
    z.strictObject({ passphrase: secretReference }),
  ],
  "give either { recipients: ['key.asc'] } or { passphrase: secret.env('NAME') }",
)

export const compressionSchema = z
  .strictObject({
    /** `gzip` reads everywhere; `zstd` needs a runtime that has it (Node 22.15); `none` leaves the bytes. Default: gzip. */
    codec: z.enum(['gzip', 'zstd', 'none']).default('gzip'),
    /** The codec's own level, up to 9 for gzip and 19 for zstd. Default: 1 (see `docs/benchmarks.md`). */
    level: z.number().int().min(1).max(19).default(1),
  })
  .refine(({ codec, level }) => codec !== 'gzip' || level <= 9, { path: ['level'], message: 'gzip has levels 1 to 9' })

const sizeRange = z
  .strictObject({ min: size.optional(), max: size.optional() })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, 'min is larger than max')

export const productSchema = z
  .strictObject({
    objectives: z
      .strictObject({
        /** How long a recovery may take. */
        rto: duration.optional(),
        /** How old the newest backup may be. */
        rpo: duration.optional(),
      })
      .default({}),
    source: z.strictObject({
      /** A `postgres://` address; or `'provider'`: the product's provider gives one, with credentials for a short time. */
      url: z.union([secretReference, z.literal('provider')], "expected secret.env('NAME')"),
      /** Only these schemas. Default: all. */
      schemas: z.array(text).min(1, 'name a schema, or leave the key out for all of them').optional(),
      /** Tables whose rows are left out (the definition stays). Default: none. */
      excludeTableData: z.array(text).optional(),
    }),
    /** Where the database runs, with backups of its own. Default: none. */
    provider: backupProvider.optional(),
    encryption: encryptionSchema,
    compression: compressionSchema.default({ codec: 'gzip', level: 1 }),
    destinations: z.record(z.string(), destinationSchema).superRefine(checkDestinations, { when: hasEntries }),
    verify: z
      .strictObject({
        /** `table` or `schema.table`; without a schema, `public` is meant. */
        criticalTables: z.array(text).default([]),
        /** What a backup's stored size must lie in. Default: any. */
        size: sizeRange.default({}),
      })
      .default({ criticalTables: [], size: {} }),
  })
  .refine(({ source, provider }) => source.url !== 'provider' || provider?.connecting !== undefined, {
    path: ['source', 'url'],
    message: "'provider' needs a provider that gives connections, such as supabase({ … })",
  })

/**
 * Keys of objects begin with the product's name, and names are the keys of one record: two products never share a
 * prefix, even in one store.
 */
export const configSchema = z.strictObject({
  products: z.record(z.string(), productSchema).superRefine(checkNames('product'), { when: hasEntries }),
})

/** A configuration as people write it. */
export type LifeboatConfig = z.input<typeof configSchema>
/** The same with every default resolved: durations in ms, sizes in bytes. */
export type ResolvedConfig = z.output<typeof configSchema>
export type ProductConfig = z.output<typeof productSchema>
export type DestinationConfig = z.output<typeof destinationSchema>
export type EncryptionConfig = z.output<typeof encryptionSchema>
export type RetentionPolicy = z.output<typeof retentionSchema>

/** Lets the checks below run although a value further in is wrong, so that one run names every problem. */
function hasEntries(payload: z.core.ParsePayload): boolean {
  return typeof payload.value === 'object' && payload.value !== null
}

function checkNames(kind: 'product' | 'destination') {
  return (named: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    const names = Object.keys(named)
    if (names.length === 0) context.addIssue(`name at least one ${kind}`)
    for (const name of names) {
      if (isProductName(name)) continue
      const message = `not a ${kind} name: use a to z, 0 to 9 and -, at most 63, not beginning with -`
      context.addIssue({ code: 'custom', path: [name], message })
    }
  }
}

/** Two destinations in one place would be one backup under two retention policies. */
function checkDestinations(destinations: Readonly<Record<string, { store: ObjectStore }>>, context: z.RefinementCtx) {
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
