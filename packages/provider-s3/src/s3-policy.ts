import type { PolicyNeeds, StorePolicy, StoreRole } from '@lifeboat/core'
import type { S3Settings } from './s3-options.js'

interface Statement {
  readonly Sid: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>
}

/** The form of a backup's id, as IAM writes patterns. */
const anyId = '????????T??????Z-??????'

/**
 * The IAM policy of a role for one product in a bucket: what it needs, and nothing by which it could harm what others
 * rely on. https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html
 */
export function s3Policy(settings: S3Settings, role: StoreRole, product: string, needs: PolicyNeeds): StorePolicy {
  const statements = { writer, verifier, pruner }[role](placesOf(settings, product, needs), settings, needs)
  return { document: { Version: '2012-10-17', Statement: statements }, notes: notesOf(settings, role) }
}

interface Places {
  readonly bucket: string
  readonly listed: readonly string[]
  /** What is written once: backups, and where there are such, copies of objects. */
  readonly backups: readonly string[]
  /** What a copy of objects takes over from the one before; null: there are none. */
  readonly carried: string | null
  readonly manifests: string
  readonly records: readonly string[]
  readonly locks: string
  readonly everything: string
  readonly probes: string
  /** Notes of what is under way: a restore that pauses services, a recovery. */
  readonly notes: readonly string[]
  /** Notes of what was told whom. */
  readonly alerts: readonly string[]
}

function placesOf({ bucket, prefix }: S3Settings, product: string, { objects, alerts }: PolicyNeeds): Places {
  const arn = `arn:aws:s3:::${bucket}`
  const top = `${arn}/${prefix}${product}`
  return {
    bucket: arn,
    // With and without the slash: consoles ask for the folder itself.
    listed: [`${prefix}${product}/*`, `${prefix}${product}/`, ...(prefix === '' ? [] : [prefix])],
    backups: [`${top}/${anyId}/*`, ...(objects ? [`${top}/objects/*`] : [])],
    carried: objects ? `${top}/objects/*/content/*` : null,
    manifests: `${top}/${anyId}/manifest.json`,
    records: [`${top}/verifications/*`, ...(objects ? [`${top}/objects/*/verifications/*`] : [])],
    locks: `${top}/locks/*`,
    everything: `${top}/*`,
    probes: `${arn}/${prefix}.lifeboat-probe-*`,
    notes: [`${top}/pauses/*`, `${top}/operations/*`],
    alerts: alerts ? [`${top}/alerts/*`] : [],
  }
}

/**
 * `IfExists`: a HEAD names no prefix, and where it may not list, a missing object looks like a forbidden one.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
 */
function list({ bucket, listed }: Places, ...more: string[]): Statement {
  return {
    ...{ Sid: 'FindBackups', Effect: 'Allow', Action: ['s3:ListBucket', ...more], Resource: bucket },
    Condition: { StringLikeIfExists: { 's3:prefix': listed } },
  }
}

/** What `lifeboat doctor` looks at and tries: settings of the bucket, and an upload that is begun and given up. */
function doctor({ bucket, probes }: Places, { policyStatus }: S3Settings): Statement[] {
  return [
    {
      ...{ Sid: 'SeeHowTheBucketIsSetUp', Effect: 'Allow', Resource: bucket },
      Action: [
        ...['s3:GetBucketVersioning', 's3:GetBucketObjectLockConfiguration', 's3:GetLifecycleConfiguration'],
        ...[policyStatus ? 's3:GetBucketPolicyStatus' : 's3:GetBucketPolicy'],
        ...['s3:GetBucketAcl', 's3:GetBucketPublicAccessBlock'],
      ],
    },
    { Sid: 'BeginAnUpload', Effect: 'Allow', Action: ['s3:PutObject', 's3:AbortMultipartUpload'], Resource: probes },
  ]
}

/** The lock, and what was told whom: whoever works by the clock also tells how it went. */
function locks({ locks: lock, alerts }: Places): Statement {
  const Action = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject']
  return { Sid: 'HoldTheLock', Effect: 'Allow', Action, Resource: alerts.length > 0 ? [lock, ...alerts] : lock }
}

/**
 * What is carried from snapshot to snapshot is locked anew by the rights that lock an upload. That a lock which could not
 * be set was longer already only a look at it tells.
 */
function seeLocks({ carried }: Places, { objectLock }: PolicyNeeds): Statement[] {
  if (!objectLock || carried === null) return []
  return [{ Sid: 'SeeLocksOfContent', Effect: 'Allow', Action: ['s3:GetObjectRetention'], Resource: carried }]
}

function writer(places: Places, settings: S3Settings, needs: PolicyNeeds): Statement[] {
  const locking = needs.objectLock ? ['s3:PutObjectRetention', 's3:PutObjectLegalHold'] : []
  return [
    list(places),
    ...doctor(places, settings),
    {
      ...{ Sid: 'WriteBackups', Effect: 'Allow' },
      Action: ['s3:PutObject', 's3:AbortMultipartUpload', ...locking],
      Resource: places.backups,
    },
    { Sid: 'CheckWhatWasWritten', Effect: 'Allow', Action: ['s3:GetObject'], Resource: places.backups },
    ...seeLocks(places, needs),
    locks(places),
    ...once(settings, places.backups),
  ]
}

function verifier(places: Places, settings: S3Settings): Statement[] {
  const retrieval = settings.archiveClasses.length > 0 ? ['s3:RestoreObject'] : []
  return [
    list(places),
    ...doctor(places, settings),
    { Sid: 'ReadBackups', Effect: 'Allow', Action: ['s3:GetObject', ...retrieval], Resource: places.everything },
    {
      Sid: 'KeepNotes',
      Effect: 'Allow',
      Action: ['s3:PutObject', 's3:DeleteObject'],
      Resource: [...places.notes, ...places.alerts],
    },
    { Sid: 'RecordVerifications', Effect: 'Allow', Action: ['s3:PutObject'], Resource: places.records },
    ...once(settings, places.records),
  ]
}

function pruner(places: Places, settings: S3Settings): Statement[] {
  return [
    list(places, 's3:ListBucketVersions'),
    ...doctor(places, settings),
    {
      ...{ Sid: 'FindUnfinishedUploads', Effect: 'Allow', Action: ['s3:ListBucketMultipartUploads'] },
      Resource: places.bucket,
    },
    {
      ...{ Sid: 'ReadManifestsAndRecords', Effect: 'Allow', Action: ['s3:GetObject'] },
      Resource: [places.manifests, ...places.records],
    },
    {
      ...{ Sid: 'RemoveBackups', Effect: 'Allow', Resource: places.backups },
      Action: [
        ...['s3:GetObject', 's3:GetObjectRetention', 's3:GetObjectLegalHold'],
        ...['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:AbortMultipartUpload'],
      ],
    },
    locks(places),
  ]
}

/**
 * Refuses to write over what exists: every request that makes an object must say `If-None-Match`. Those that begin an
 * upload and send its parts cannot, and make none.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
 */
function once(settings: S3Settings, Resource: string | readonly string[]): Statement[] {
  if (!settings.policyConditions || !settings.conditionalComplete) return []
  return [
    {
      ...{ Sid: 'NeverWriteOver', Effect: 'Deny', Action: ['s3:PutObject'], Resource },
      Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
    },
  ]
}

function notesOf(settings: S3Settings, role: StoreRole): string[] {
  const kms =
    settings.sse === 'aws:kms' || settings.sse === 'aws:kms:dsse'
      ? ['the KMS key has a policy of its own: kms:GenerateDataKey to write, kms:Decrypt to read']
      : []
  if (role === 'pruner') return kms
  const overwriting =
    settings.policyConditions && settings.conditionalComplete
      ? []
      : [
          `${settings.service} has no condition that refuses to write over an object: turn on versioning or Object Lock, so that what was there stays as a version`,
        ]
  return [...overwriting, ...kms]
}
