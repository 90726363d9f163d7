import { randomUUID } from 'node:crypto'
import type {
  GetObjectCommandInput,
  HeadObjectCommandOutput,
  ListMultipartUploadsCommandInput,
} from '@aws-sdk/client-s3'
import {
  assertKey,
  BackupError,
  type ObjectStore,
  type PutLock,
  type StoreCallOptions,
  type StoredObject,
} from '@lifeboat/core'
import { archiveOf, archiveOfListed } from './archive-state.js'
import { classifyS3Error } from './classify-s3-error.js'
import { described, fullyDescribed } from './described.js'
import { extendLock } from './extend-lock.js'
import { getObject } from './get-object.js'
import { putObject, refuseExisting, statusOf } from './put-object.js'
import { removeForGood } from './remove-for-good.js'
import { retrieveObject } from './retrieve-object.js'
import { type Connect, connect } from './s3-connection.js'
import { type S3Options, settleOptions } from './s3-options.js'
import { s3Policy } from './s3-policy.js'
import { readPosture } from './s3-posture.js'

/**
 * A bucket of Amazon S3, or of any service that speaks its protocol, as an object store.
 *
 * Making it is free: no network, no environment, no SDK until the first call. Requests are repeated (`retry`),
 * connections time out (10 s to connect, 60 s of silence), and reads resume where a connection broke off. Credentials
 * that have expired are asked for anew, once for each request that was refused.
 *
 * Memory per upload: the parts in flight and the one being filled; five times 8 MiB as a rule, more where the expected
 * size would not fit into the service's number of parts.
 *
 * Capabilities are those of the endpoint's service as documented (`endpoint-quirks.ts`), unless the options say
 * otherwise. `conditionalPut` is atomic for bodies of one part (8 MiB: every manifest); for larger ones where the
 * service takes the condition on CompleteMultipartUpload too (Amazon S3, R2, MinIO), elsewhere the key is looked at
 * immediately before completing. `objectLock` says that uploads may lock; whether the bucket lets them, and whether it
 * keeps versions, `posture` asks.
 *
 * The credentials need `s3:PutObject`, `s3:GetObject`, `s3:ListBucket`, `s3:AbortMultipartUpload`; where retention runs
 * also `s3:DeleteObject` and `s3:ListBucketMultipartUploads`. A lifecycle rule that aborts incomplete uploads is wise
 * besides the sweep: no process can clean up after its own death.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html
 *
 * @throws BackupError `config-invalid` for options that cannot work
 */
export function s3(options: S3Options): ObjectStore {
  const settings = settleOptions(options)
  const { bucket: Bucket, prefix } = settings
  let connection: Promise<Connect> | undefined
  const open = async ({ onRetry }: StoreCallOptions = {}) => {
    connection ??= connect(settings)
    return (await connection)(onRetry)
  }
  const targetOf = (key: string) => {
    assertKey(key)
    return { Bucket, Key: `${prefix}${key}` }
  }

  const head = async (key: string, options: StoreCallOptions = {}): Promise<StoredObject | undefined> => {
    const target = targetOf(key)
    const found = await headObject(target, options)
    return found && { key, ...fullyDescribed(found), ...retention(found), ...archiveOf(found, settings.archiveClasses) }
  }

  const headObject = async (target: GetObjectCommandInput, options: StoreCallOptions) => {
    const { signal } = options
    signal?.throwIfAborted()
    const { sdk, client } = await open(options)
    try {
      return await client.send(new sdk.HeadObjectCommand(target), { abortSignal: signal })
    } catch (error) {
      signal?.throwIfAborted()
      if (statusOf(error) !== 404) throw error
      // An answer to HEAD has no body, so a missing bucket looks like a missing object. This request tells which.
      await assertBucket(options)
      return undefined
    }
  }

  let bucketSeen = false
  const assertBucket = async (options: StoreCallOptions) => {
    if (bucketSeen) return
    const { signal } = options
    const { sdk, client } = await open(options)
    try {
      await client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: 1 }), { abortSignal: signal })
    } catch (error) {
      signal?.throwIfAborted()
      // Credentials that may not list cannot tell; then the 404 of the object stands.
      if (statusOf(error) !== 403) throw error
    }
    bucketSeen = true
  }

  const refused = (what: string, option: string) =>
    new BackupError('store-refused', `nothing is known of ${what} at ${settings.service}`, {
      hint: `say \`${option}\` in the options of s3() where it has them`,
    })

  return {
    name: 's3',
    location: `s3://${Bucket}/${prefix}`.replace(/\/$/, ''),
    retriesRequests: true,
    region: settings.region,
    host: settings.endpoint === undefined ? undefined : new URL(settings.endpoint).host,
    listsInOrder: settings.listsInOrder,
    capabilities: {
      metadata: true,
      conditionalPut: settings.conditionalPut,
      storageClasses: settings.storageClasses,
      objectLock: settings.objectLock,
      versioning: false,
    },

    async put(key, source, options = {}) {
      const target = targetOf(key)
      options.signal?.throwIfAborted()
      const ifAbsent = options.ifAbsent ?? false
      const { storageClass, lock, metadata } = options
      if (lock !== undefined && !settings.objectLock) throw refused('Object Lock', 'objectLock: true')
      if (storageClass !== undefined && !settings.storageClasses)
        throw refused('storage classes', 'storageClasses: true')
      const upload = { ...(await open(options)), settings, fullKey: target.Key, ifAbsent, storageClass, lock, metadata }
      if (ifAbsent && !(settings.conditionalPut && settings.conditionalVersions)) {
        await refuseExisting(upload, options.signal).catch(error => {
          options.signal?.throwIfAborted()
          throw error
        })
      }
      const sizeBytes = await putObject(upload, source, options)
      bucketSeen = true
      // The answer to a put tells no time; this is the moment it came, which `head` may put a little differently.
      return { key, sizeBytes, modifiedAt: new Date() }
    },

    async *get(key, options = {}) {
      const target = targetOf(key)
      options.signal?.throwIfAborted()
      yield* getObject(await open(options), { ...target, storeKey: key }, options, settings.retry)
    },

    head,

    async *list(keyPrefix, call = {}) {
      const { signal } = call
      signal?.throwIfAborted()
      const { sdk, client } = await open(call)
      for (let token: string | undefined, more = true; more; ) {
        const page = await client
          .send(
            new sdk.ListObjectsV2Command({
              ...{ Bucket, Prefix: `${prefix}${keyPrefix}`, ContinuationToken: token },
              ...(settings.listsRetrievals ? { OptionalObjectAttributes: ['RestoreStatus'] } : {}),
            }),
            { abortSignal: signal },
          )
          .catch((error: unknown) => {
            signal?.throwIfAborted()
            throw error
          })
        for (const listed of page.Contents ?? []) {
          const { Key, Size, LastModified, StorageClass, ETag } = listed
          // Consoles make empty objects that end in a slash to show folders; no key of ours does.
          if (Key === undefined || Key.endsWith('/')) continue
          signal?.throwIfAborted()
          const key = Key.slice(prefix.length)
          const archive = archiveOfListed(listed, settings.archiveClasses)
          yield { key, ...described({ ContentLength: Size, LastModified, StorageClass, ETag }), ...archive }
        }
        token = page.NextContinuationToken
        more = page.IsTruncated === true
        if (more && !token)
          throw new Error(`the listing of s3://${Bucket}/${prefix} breaks off: no token for its next page`)
      }
    },

    async remove(key, call = {}) {
      const { signal } = call
      const target = targetOf(key)
      signal?.throwIfAborted()
      const { sdk, client } = await open(call)
      try {
        await client.send(new sdk.DeleteObjectCommand(target), { abortSignal: signal })
      } catch (error) {
        signal?.throwIfAborted()
        // Amazon S3 answers 204 for a missing key, some services 404.
        if ((error as Error).name !== 'NoSuchKey') throw error
      }
    },

    async removeForGood(key, call = {}) {
      const target = targetOf(key)
      call.signal?.throwIfAborted()
      return removeForGood(await open(call), target, call.signal)
    },

    async retrieve(key, { days: Days, tier, ...call }) {
      const target = targetOf(key)
      call.signal?.throwIfAborted()
      return retrieveObject(await open(call), target, { Days, tier, signal: call.signal })
    },

    ...(settings.objectLock && {
      async extendLock(key: string, lock: PutLock, call: StoreCallOptions = {}) {
        const target = targetOf(key)
        call.signal?.throwIfAborted()
        await extendLock(await open(call), target, lock, call.signal)
      },
    }),

    async posture(call = {}) {
      call.signal?.throwIfAborted()
      return readPosture(await open(call), settings, call.signal)
    },

    policy: (role, product, needs) => s3Policy(settings, role, product, needs),

    async *listUnfinished(keyPrefix, call = {}) {
      const { signal } = call
      signal?.throwIfAborted()
      const { sdk, client } = await open(call)
      const Prefix = `${prefix}${keyPrefix}`
      for (
        let marker: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> = {}, more = true;
        more;
      ) {
        const page = await client
          .send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix, ...marker }), { abortSignal: signal })
          .catch((error: unknown) => {
            signal?.throwIfAborted()
            throw error
          })
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if (Key === undefined || UploadId === undefined) continue
          // Without a time it cannot be told from one that is under way, so it counts as new.
          const startedAt = Initiated ?? new Date()
          yield { key: Key.slice(prefix.length), startedAt, sizeBytes: 0, handle: UploadId }
        }
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
        more = page.IsTruncated === true && page.NextKeyMarker !== undefined
      }
    },

    async removeUnfinished({ key, handle: UploadId }, call = {}) {
      const { signal } = call
      signal?.throwIfAborted()
      const { sdk, client } = await open(call)
      try {
        await client.send(new sdk.AbortMultipartUploadCommand({ ...targetOf(key), UploadId }), { abortSignal: signal })
      } catch (error) {
        signal?.throwIfAborted()
        if ((error as Error).name !== 'NoSuchUpload') throw error
      }
    },

    classify: error => classifyS3Error(error),

    /** Lists one key and begins an upload that it gives up: that shows the right to write and leaves nothing. */
    async probe(call = {}) {
      const { signal } = call
      signal?.throwIfAborted()
      const { sdk, client } = await open(call)
      try {
        const options = { abortSignal: signal }
        await client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: 1 }), options)
        const target = { Bucket, Key: `${prefix}.lifeboat-probe-${randomUUID()}` }
        const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(target))
        await client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId }))
      } catch (error) {
        signal?.throwIfAborted()
        throw error
      }
    },
  }
}

/** Object Lock as HEAD tells it, to credentials that may see it (`s3:GetObjectRetention`, `s3:GetObjectLegalHold`). */
function retention(found: HeadObjectCommandOutput): Pick<StoredObject, 'retained' | 'lockedUntil'> {
  if (found.ObjectLockLegalHoldStatus === 'ON') return { retained: 'under a legal hold' }
  const until = found.ObjectLockRetainUntilDate
  if (until === undefined || until <= new Date()) return {}
  return { lockedUntil: until, retained: `locked until ${until.toISOString()}` }
}
