import { BackupError, isSecret, type SecretReference } from '@lifeboat/core'

/** How the files of a project are reached. */
export interface SupabaseStorageOptions {
  /** 20 lowercase letters; the first part of the project's address. */
  readonly projectRef: string
  /** The project's region, as the dashboard names it: `eu-central-1`. */
  readonly region: string
  /** The bucket whose objects are meant. */
  readonly bucket: string
  /** Of an access key for the S3 protocol, made in the dashboard. It may do everything with all buckets. */
  readonly accessKeyId: SecretReference
  readonly secretAccessKey: SecretReference
  /** Only what lies under `prefix/`. Default: the whole bucket. */
  readonly prefix?: string | undefined
}

/** What {@link supabaseStorageOptions} gives: options of `s3()` in `@lifeboat/provider-s3`. */
export interface StorageAccess {
  readonly bucket: string
  readonly endpoint: string
  readonly region: string
  readonly forcePathStyle: true
  readonly prefix: string | undefined
  readonly credentials: { readonly accessKeyId: SecretReference; readonly secretAccessKey: SecretReference }
}

/**
 * The options with which `s3()` reaches a bucket of Supabase Storage: `s3(supabaseStorageOptions({ … }))`. A backup of the
 * database holds the rows about objects and never the objects: copy them as a set (`objects` in the configuration).
 * https://supabase.com/docs/guides/storage/s3/authentication
 * @throws BackupError `config-invalid`
 */
export function supabaseStorageOptions(options: SupabaseStorageOptions): StorageAccess {
  const { projectRef, region, bucket, accessKeyId, secretAccessKey, prefix } = options
  const refuse = (what: string, hint?: string) =>
    new BackupError('config-invalid', `supabase storage: ${what}`, { hint })
  if (typeof projectRef !== 'string' || !/^[a-z]{20}$/.test(projectRef))
    throw refuse('projectRef must be 20 lowercase letters', "it is in the project's address in the dashboard")
  if (typeof region !== 'string' || !/^[a-z]{2,}(-[a-z]+)+-\d$/.test(region))
    throw refuse(
      'region must be the name of a region',
      "the dashboard shows it with the S3 access keys: 'eu-central-1'",
    )
  for (const [name, value] of Object.entries({ accessKeyId, secretAccessKey }))
    if (!isSecret(value)) throw refuse(`${name} must be a secret`, `write ${name}: secret.env('NAME')`)
  return {
    ...{ bucket, region, prefix },
    endpoint: `https://${projectRef}.storage.supabase.co/storage/v1/s3`,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  }
}
