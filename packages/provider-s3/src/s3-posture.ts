import type { LifecycleRule as S3Rule } from '@aws-sdk/client-s3'
import type { LifecycleRule, StorePosture } from '@lifeboat/core'
import { classifyS3Error } from './classify-s3-error.js'
import type { S3Connection } from './s3-connection.js'
import type { S3Settings } from './s3-options.js'

/** Answers that mean that there is no such setting. */
const noSetting =
  /^(ObjectLockConfigurationNotFoundError|NoSuchLifecycleConfiguration|NoSuchBucketPolicy|NoSuchPublicAccessBlockConfiguration|NoSuchObjectLockConfiguration|NoSuchConfiguration)$/
const everybody = /\/groups\/global\/(AllUsers|AuthenticatedUsers)$/
const dayMs = 24 * 3_600_000

/**
 * How a bucket is set up. Settings that the service does not know, or does not show to these credentials, are told as
 * unknown; a service that does not answer throws.
 */
export async function readPosture(
  { sdk, client }: S3Connection,
  settings: S3Settings,
  signal: AbortSignal | undefined,
): Promise<StorePosture> {
  const Bucket = settings.bucket
  const unknown: { what: string; why: string }[] = []
  const options = { abortSignal: signal }
  const ask = async <T, Absent>(what: string, call: () => Promise<T>, absent: Absent): Promise<T | Absent | null> => {
    try {
      return await call()
    } catch (error) {
      signal?.throwIfAborted()
      if (noSetting.test((error as Error).name)) return absent
      const code = classifyS3Error(error)
      if (code === 'store-unreachable' || code === 'store-not-found') throw error
      unknown.push({ what, why: whyUnknown(error, code) })
      return null
    }
  }
  const versioning = await ask(
    'versioning',
    async () => (await client.send(new sdk.GetBucketVersioningCommand({ Bucket }), options)).Status ?? 'Off',
    'Off' as const,
  )
  const objectLock = await ask(
    'Object Lock',
    async () => lockOf((await client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket }), options)) ?? {}),
    { enabled: false, byDefault: null },
  )
  const lifecycle = await ask(
    'lifecycle',
    async () =>
      ((await client.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket }), options)).Rules ?? []).flatMap(
        rule => ruleOf(rule, settings.prefix),
      ),
    [] as LifecycleRule[],
  )
  const byPolicy = await ask(
    'whether its policy lets strangers in',
    async () =>
      settings.policyStatus
        ? (await client.send(new sdk.GetBucketPolicyStatusCommand({ Bucket }), options)).PolicyStatus?.IsPublic === true
        : letsStrangersIn((await client.send(new sdk.GetBucketPolicyCommand({ Bucket }), options)).Policy ?? ''),
    false,
  )
  const byAcl = await ask(
    'whether its ACL lets strangers in',
    async () =>
      ((await client.send(new sdk.GetBucketAclCommand({ Bucket }), options)).Grants ?? []).some(({ Grantee }) =>
        everybody.test(Grantee?.URI ?? ''),
      ),
    false,
  )
  const blocked = await ask(
    'whether public access is blocked',
    async () => {
      const { PublicAccessBlockConfiguration: block } = await client.send(
        new sdk.GetPublicAccessBlockCommand({ Bucket }),
        options,
      )
      return [block?.BlockPublicAcls, block?.BlockPublicPolicy, block?.IgnorePublicAcls, block?.RestrictPublicBuckets]
        .map(one => one === true)
        .every(Boolean)
    },
    false,
  )
  return {
    versioning: versioning && ({ Enabled: 'on', Suspended: 'suspended', Off: 'off' } as const)[versioning],
    objectLock,
    lifecycle,
    openTo:
      byPolicy === null && byAcl === null
        ? null
        : [...(byPolicy ? (['policy'] as const) : []), ...(byAcl ? (['acl'] as const) : [])],
    publicAccessBlocked: blocked,
    notes:
      versioning === 'Enabled' && settings.conditionalPut && !settings.conditionalVersions
        ? [
            'it keeps versions, and may pass over conditional puts there (Ceph 18 does): two writers in one moment are not kept apart',
          ]
        : [],
    unknown,
  }
}

/** Whether a policy allows anything to everybody without a condition. */
function letsStrangersIn(policy: string): boolean {
  const { Statement = [] } = JSON.parse(policy) as { Statement?: PolicyStatement | PolicyStatement[] }
  return [Statement].flat().some(({ Effect, Principal, Condition }) => {
    if (Effect !== 'Allow' || Condition !== undefined) return false
    const named = typeof Principal === 'object' ? [Principal.AWS ?? []].flat() : [Principal ?? '']
    return named.some(one => one === '*' || one === 'arn:aws:iam:::*')
  })
}

interface PolicyStatement {
  readonly Effect?: string
  readonly Principal?: string | { readonly AWS?: string | string[] }
  readonly Condition?: unknown
}

function whyUnknown(error: unknown, code: string | undefined): string {
  if (code === 'store-auth-failed') return 'these credentials may not ask'
  const { $metadata, name } = error as { $metadata?: { httpStatusCode?: number }; name?: string }
  return `the service answers ${$metadata?.httpStatusCode ?? ''} ${name ?? ''}`.trim()
}

function lockOf(answer: {
  ObjectLockConfiguration?: {
    ObjectLockEnabled?: string | undefined
    Rule?: { DefaultRetention?: { Mode?: string | undefined; Days?: number | undefined; Years?: number | undefined } }
  }
}): StorePosture['objectLock'] {
  const { ObjectLockEnabled, Rule } = answer.ObjectLockConfiguration ?? {}
  const { Mode, Days, Years } = Rule?.DefaultRetention ?? {}
  const days = Days || (Years ?? 0) * 365
  const mode = Mode === 'COMPLIANCE' ? ('compliance' as const) : ('governance' as const)
  return { enabled: ObjectLockEnabled === 'Enabled', byDefault: days > 0 ? { mode, days } : null }
}

/** Rules for objects with tags do not concern ours, which have none; nor do those for other keys. */
function ruleOf(rule: S3Rule, own: string): LifecycleRule[] {
  const { Filter, Expiration, Transitions, NoncurrentVersionExpiration, AbortIncompleteMultipartUpload } = rule
  if (Filter?.Tag !== undefined || (Filter?.And?.Tags?.length ?? 0) > 0) return []
  const prefix = Filter?.Prefix ?? Filter?.And?.Prefix ?? rule.Prefix ?? ''
  if (!prefix.startsWith(own) && !own.startsWith(prefix)) return []
  return [
    {
      id: rule.ID ?? '',
      prefix: prefix.slice(own.length),
      enabled: rule.Status === 'Enabled',
      expiresAfterDays: Expiration?.Days ?? daysUntil(Expiration?.Date),
      expiresVersionsAfterDays: NoncurrentVersionExpiration?.NoncurrentDays ?? null,
      abortsUploadsAfterDays: AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? null,
      transitions: (Transitions ?? []).map(({ Days, Date: date, StorageClass }) => ({
        afterDays: Days ?? daysUntil(date) ?? 0,
        storageClass: StorageClass ?? '',
      })),
    },
  ]
}

function daysUntil(date: Date | undefined): number | null {
  return date === undefined ? null : Math.max(0, Math.round((date.getTime() - Date.now()) / dayMs))
}
