import { createHash } from 'node:crypto'
import type { ObjectMetadata, PutLock } from '@lifeboat/core'
import type { S3Connection } from './s3-connection.js'
import type { S3Settings } from './s3-options.js'

/** What a new object is made with. */
export interface ObjectSettings {
  readonly settings: S3Settings
  readonly storageClass: string | undefined
  readonly lock: PutLock | undefined
  readonly metadata?: ObjectMetadata | undefined
}

/** What the request that makes an object says of it. */
export function newObject({ settings, storageClass, lock, metadata }: ObjectSettings) {
  return {
    ContentType: metadata?.contentType ?? 'application/octet-stream',
    CacheControl: metadata?.cacheControl,
    ContentDisposition: metadata?.contentDisposition,
    ContentEncoding: metadata?.contentEncoding,
    ContentLanguage: metadata?.contentLanguage,
    Metadata: metadata?.user && { ...metadata.user },
    StorageClass: (storageClass ?? settings.storageClass) as 'STANDARD' | undefined,
    ...(lock && lockHeaders(lock)),
    ServerSideEncryption: settings.sse,
    SSEKMSKeyId: settings.kmsKeyId,
  }
}

function lockHeaders({ mode, until, legalHold }: PutLock) {
  return {
    ...(until && {
      ObjectLockMode: ({ governance: 'GOVERNANCE', compliance: 'COMPLIANCE' } as const)[mode],
      ObjectLockRetainUntilDate: until,
    }),
    ...(legalHold && { ObjectLockLegalHoldStatus: 'ON' as const }),
  }
}

/**
 * Locks an object that was uploaded in parts, at services that may not do so by themselves. One that cannot be locked
 * fails the upload: a backup that only seems locked is worse than none.
 */
export async function lockAfterwards(
  { settings, lock, sdk, client }: ObjectSettings & S3Connection,
  target: { readonly Bucket: string; readonly Key: string },
  abortSignal: AbortSignal,
): Promise<void> {
  if (lock === undefined || settings.locksUploads) return
  const { ObjectLockMode: Mode, ObjectLockRetainUntilDate: RetainUntilDate } = lockHeaders(lock)
  if (Mode !== undefined) {
    const Retention = { Mode, RetainUntilDate }
    await client.send(new sdk.PutObjectRetentionCommand({ ...target, Retention }), { abortSignal })
  }
  if (!lock.legalHold) return
  const LegalHold = { Status: 'ON' as const }
  await client.send(new sdk.PutObjectLegalHoldCommand({ ...target, LegalHold }), { abortSignal })
}

/**
 * What locks must carry a checksum. Where the SDK sends none of its own, MD5 is what every service takes.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
 */
export function checksumForLock({ settings, lock }: ObjectSettings, body: Buffer) {
  if (lock === undefined || settings.checksums === 'supported') return {}
  return { ContentMD5: createHash('md5').update(body).digest('base64') }
}
