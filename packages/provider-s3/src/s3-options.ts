import { BackupError, defaultRetryPolicy, type RetryPolicy } from '@lifeboat/core'
import { type EndpointQuirks, quirksOf } from './endpoint-quirks.js'

/** A secret: the text itself, a reference that is read when it is needed (`secret.env('…')`), or a function. */
export type SecretSource = string | { read(): string } | (() => string | Promise<string>)

/** An access key. Values that are not plain text are asked for anew every few minutes. */
export interface S3Credentials {
  readonly accessKeyId: SecretSource
  readonly secretAccessKey: SecretSource
  /** For temporary credentials. */
  readonly sessionToken?: SecretSource | undefined
}

/** How to reach a bucket. Everything but `bucket` has a default that fits the endpoint's service. */
export interface S3Options {
  readonly bucket: string
  /** Default: the environment's or the profile's on Amazon S3, else what the service wants. */
  readonly region?: string | undefined
  /** The address of another service than Amazon S3, without the bucket: `https://host[:port]`. Default: Amazon S3. */
  readonly endpoint?: string | undefined
  /** Everything is kept under `prefix/`. Default: at the top of the bucket. */
  readonly prefix?: string | undefined
  /** Default: the SDK's chain (environment, shared files, SSO, container, instance). */
  readonly credentials?: S3Credentials | undefined
  /** A profile in the shared configuration files; not together with `credentials`. */
  readonly profile?: string | undefined
  /** `https://host/bucket/key` instead of `https://bucket.host/key`. Default: by the service. */
  readonly forcePathStyle?: boolean | undefined
  /** `supported`: a CRC-32 goes with every upload. `required`: only where S3 demands one. Default: by the service. */
  readonly checksums?: 'supported' | 'required' | undefined
  /** Encryption by the service, on top of ours. Default: the bucket's setting. */
  readonly sse?: 'AES256' | 'aws:kms' | 'aws:kms:dsse' | undefined
  /** The KMS key for `aws:kms`. Default: the account's. */
  readonly kmsKeyId?: string | undefined
  /** The storage class of new objects: `STANDARD_IA`, `GLACIER_IR`, … Default: the bucket's. */
  readonly storageClass?: string | undefined
  /** Whether storage classes mean something to the service. Default: by the service; true with `storageClass`. */
  readonly storageClasses?: boolean | undefined
  /** The classes whose objects must be retrieved before they can be read. Default: by the service. */
  readonly archiveClasses?: readonly string[] | undefined
  /** Whether the service knows Object Lock; the bucket must have it turned on, too. Default: by the service. */
  readonly objectLock?: boolean | undefined
  /** How many parts an upload may have, from 2 to 10,000. Default: by the service. */
  readonly maxParts?: number | undefined
  /** How many parts go up at once, from 1 to 32. Default: by the service (4, or 2). */
  readonly partsInFlight?: number | undefined
  /**
   * Whether the service honours `If-None-Match: *` on PutObject. Default: by the service; false where its documentation
   * does not say so. Ceph 18 and newer do, and their owners may say `true`.
   */
  readonly conditionalPut?: boolean | undefined
  /**
   * Whether listings come in the order of the keys' UTF-8 bytes. Default: by the service; where nothing says so, false,
   * and whoever needs the order sorts. An order that was promised and is not kept is an error.
   */
  readonly listsInOrder?: boolean | undefined
  /**
   * How a request that cannot be answered (500, 503, 429, a lost connection) is made again. Default: six attempts, with
   * waits of up to 0.3, 0.6, … 4.8 s or what `Retry-After` asks for, and at most a minute of waiting.
   */
  readonly retry?: Partial<RetryPolicy> | undefined
  /** A request on which nothing moves for this long, in ms, counts as a lost connection. Default: 60,000. */
  readonly idleTimeoutMs?: number | undefined
}

/** The options with every default settled. */
export interface S3Settings extends Omit<EndpointQuirks, 'hosts'> {
  readonly bucket: string
  /** Empty, or ends with a slash. */
  readonly prefix: string
  readonly endpoint: string | undefined
  readonly credentials: S3Credentials | undefined
  readonly profile: string | undefined
  readonly sse: S3Options['sse']
  readonly kmsKeyId: string | undefined
  readonly storageClass: string | undefined
  readonly retry: RetryPolicy
  readonly idleTimeoutMs: number
}

/** Settles the defaults and refuses what cannot work. @throws BackupError `config-invalid` */
export function settleOptions(options: S3Options): S3Settings {
  const { endpoint } = options
  if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(options.bucket)) {
    invalid('bucket', `not a bucket name: ${JSON.stringify(options.bucket)}`)
  }
  if (endpoint !== undefined && !/^https?:$/.test(protocolOf(endpoint))) invalid('endpoint', 'not an http(s) address')
  if (options.credentials && options.profile) invalid('profile', 'credentials and profile exclude each other')
  const { hosts: _, ...quirks } = quirksOf(endpoint)
  return Object.freeze({
    ...quirks,
    bucket: options.bucket,
    prefix: settlePrefix(options.prefix ?? ''),
    endpoint,
    credentials: options.credentials,
    profile: options.profile,
    sse: options.sse ?? (options.kmsKeyId === undefined ? undefined : 'aws:kms'),
    kmsKeyId: options.kmsKeyId,
    storageClass: options.storageClass,
    retry: settleRetry(options.retry ?? {}),
    idleTimeoutMs: within('idleTimeoutMs', options.idleTimeoutMs ?? 60_000, 100, 3_600_000),
    region: options.region ?? quirks.region,
    pathStyle: options.forcePathStyle ?? quirks.pathStyle,
    checksums: options.checksums ?? quirks.checksums,
    maxParts: within('maxParts', options.maxParts ?? quirks.maxParts, 2, 10_000),
    partsInFlight: within('partsInFlight', options.partsInFlight ?? quirks.partsInFlight, 1, 32),
    conditionalPut: options.conditionalPut ?? quirks.conditionalPut,
    conditionalComplete: options.conditionalPut === false ? false : quirks.conditionalComplete,
    listsInOrder: options.listsInOrder ?? (quirks.listsInOrder && !options.bucket.endsWith('--x-s3')),
    storageClasses: options.storageClasses ?? (quirks.storageClasses || options.storageClass !== undefined),
    archiveClasses: Object.freeze([...(options.archiveClasses ?? quirks.archiveClasses)]),
    objectLock: options.objectLock ?? quirks.objectLock,
  })
}

function settleRetry(given: Partial<RetryPolicy>): RetryPolicy {
  const { attempts, firstDelayMs, longestDelayMs, budgetMs } = { ...defaultRetryPolicy, ...given }
  return Object.freeze({
    attempts: within('retry.attempts', attempts, 1, 100),
    firstDelayMs: within('retry.firstDelayMs', firstDelayMs, 0, 3_600_000),
    longestDelayMs: within('retry.longestDelayMs', longestDelayMs, 0, 3_600_000),
    budgetMs: within('retry.budgetMs', budgetMs, 0, 86_400_000),
  })
}

function settlePrefix(prefix: string): string {
  const segments = prefix.split('/').filter(segment => segment !== '')
  if (segments.some(segment => segment === '.' || segment === '..')) invalid('prefix', 'holds . or ..')
  return segments.map(segment => `${segment}/`).join('')
}

function protocolOf(address: string): string {
  return URL.canParse(address) ? new URL(address).protocol : ''
}

function within(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    invalid(name, `not a whole number from ${least} to ${most}: ${value}`)
  }
  return value
}

function invalid(option: string, message: string): never {
  throw new BackupError('config-invalid', `s3: ${option}: ${message}`)
}
