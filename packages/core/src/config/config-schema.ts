import { z } from 'zod'
import type { BackupProvider } from '../provider/backup-provider.js'
import { checkNames, hasEntries } from './check-names.js'
import {
  checkDestinations,
  destinationSchema,
  type objectLockSchema,
  type retentionSchema,
} from './destination-schema.js'
import { drillSchema } from './drill-schema.js'
import { filesSchema } from './files-schema.js'
import { hooksSchema } from './hooks-schema.js'
import { checkNesting } from './nested-products.js'
import { checkSharedNames, notifySchema, sharedNotifySchema } from './notify-schema.js'
import { checkObjects, objectsSchema } from './objects-schema.js'
import { scheduleSchema } from './schedule-schema.js'
import { duration, secretReference, text } from './values.js'
import { verifySchema } from './verify-schema.js'

const backupProvider = z.custom<BackupProvider>(
  value => typeof value === 'object' && value !== null && 'list' in value && 'classify' in value && !('put' in value),
  { message: 'expected a provider, such as supabase({ projectRef, accessToken })' },
)
/** How often somebody must show that each key opens a backup. Default: 90 days. */
const proveEvery = duration.optional()

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
      proveEvery,
    }),
    z.strictObject({ passphrase: secretReference, proveEvery }),
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

/** A destination of a product, with keys of its own where it has some. */
export const productDestinationSchema = destinationSchema.extend({
  /** Who can read the backups in it. Default: as for the product. */
  encryption: encryptionSchema.optional(),
})

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
      /**
       * Roles without their passwords: `auto` where the login may read them, `true` or no backup. They belong to the
       * whole server. Default: false.
       */
      roles: z.union([z.boolean(), z.literal('auto')], "expected 'auto', true or false").optional(),
    }),
    /** Files beside the database, in bundles by name: configuration, `.env`. Default: none. */
    files: filesSchema.optional(),
    /** Where the database runs, with backups of its own. Default: none. */
    provider: backupProvider.optional(),
    encryption: encryptionSchema,
    compression: compressionSchema.default({ codec: 'gzip', level: 1 }),
    destinations: z.record(z.string(), productDestinationSchema).superRefine(checkDestinations, { when: hasEntries }),
    /** Buckets and folders of files, copied object by object. Default: none. */
    objects: objectsSchema.optional(),
    verify: verifySchema,
    drill: drillSchema,
    /** What runs before and after backups, restores and drills. Default: nothing. */
    hooks: hooksSchema.optional(),
    /** When its work is due. Default: nobody said. */
    schedule: scheduleSchema.optional(),
    /** Who hears of what goes wrong. Each key takes the place of the one for all products. Default: nobody. */
    notify: notifySchema.optional(),
  })
  .superRefine(checkObjects)
  .refine(({ source, provider }) => source.url !== 'provider' || provider?.connecting !== undefined, {
    path: ['source', 'url'],
    message: "'provider' needs a provider that gives connections, such as supabase({ … })",
  })

/**
 * Keys of objects begin with the product's name, and names are the keys of one record: two products never share a
 * prefix, even in one store.
 */
export const configSchema = z
  .strictObject({
    products: z
      .record(z.string(), productSchema)
      .superRefine(checkNames('product'), { when: hasEntries })
      .superRefine(checkNesting),
    /** Who hears of what goes wrong with any product. */
    notify: sharedNotifySchema.optional(),
  })
  .superRefine(checkSharedNames)

/** A configuration as people write it. */
export type LifeboatConfig = z.input<typeof configSchema>
/** The same with every default resolved: durations in ms, sizes in bytes. */
export type ResolvedConfig = z.output<typeof configSchema>
export type ProductConfig = z.output<typeof productSchema>
export type DestinationConfig = z.output<typeof productDestinationSchema>
export type ObjectLockConfig = z.output<typeof objectLockSchema>
export type EncryptionConfig = z.output<typeof encryptionSchema>
export type RetentionPolicy = z.output<typeof retentionSchema>
