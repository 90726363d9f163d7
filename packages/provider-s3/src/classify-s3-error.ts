import type { ErrorCode } from '@lifeboat/core'

/** By the name the service or the SDK gave. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const byName: Readonly<Record<string, ErrorCode>> = {
  NoSuchBucket: 'store-not-found',
  NoSuchKey: 'object-missing',
  NotFound: 'object-missing',
  InvalidAccessKeyId: 'store-auth-failed',
  SignatureDoesNotMatch: 'store-auth-failed',
  ExpiredToken: 'store-auth-failed',
  ExpiredTokenException: 'store-auth-failed',
  InvalidToken: 'store-auth-failed',
  TokenRefreshRequired: 'store-auth-failed',
  AccessDenied: 'store-auth-failed',
  AllAccessDisabled: 'store-auth-failed',
  AccountProblem: 'store-auth-failed',
  Forbidden: 'store-auth-failed',
  RequestTimeTooSkewed: 'store-auth-failed',
  CredentialsProviderError: 'store-auth-failed',
  TokenProviderError: 'store-auth-failed',
  PreconditionFailed: 'object-exists',
  ConditionalRequestConflict: 'object-exists',
  QuotaExceeded: 'store-full',
  ServiceQuotaExceededException: 'store-full',
  InsufficientStorage: 'store-full',
  XMinioStorageFull: 'store-full',
  EntityTooLarge: 'store-refused',
  InvalidObjectState: 'object-archived',
  InvalidStorageClass: 'store-refused',
  NotImplemented: 'store-refused',
  PermanentRedirect: 'config-invalid',
  AuthorizationHeaderMalformed: 'config-invalid',
  InvalidBucketName: 'config-invalid',
  SlowDown: 'store-unreachable',
  RequestTimeout: 'store-unreachable',
  TimeoutError: 'store-unreachable',
  InternalError: 'store-unreachable',
  ServiceUnavailable: 'store-unreachable',
  NetworkingError: 'store-unreachable',
}

/**
 * By the code of Node's network and TLS errors. `HPE_…`: what came is no answer. Ceph 18 leaves the rest of one on the
 * connection after some refusals; the next request then meets it, and another connection is all it needs.
 */
const byNodeCode =
  /^(ECONN(REFUSED|RESET|ABORTED)|ENOTFOUND|EAI_\w+|E(HOST|NET)(UNREACH|DOWN)|ETIMEDOUT|EPIPE|EPROTO|CERT_\w+|ERR_(TLS|SSL)_\w+|UNABLE_TO_\w+|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|ERR_STREAM_PREMATURE_CLOSE|HPE_\w+)$/

interface RawS3Error {
  readonly name?: unknown
  readonly Code?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number | undefined } | undefined
}

/** The code that an error of the S3 SDK, of Node's network or of this package deserves, or undefined. */
export function classifyS3Error(error: unknown, depth = 0): ErrorCode | undefined {
  if (typeof error !== 'object' || error === null || depth > 5) return undefined
  const raw = error as RawS3Error
  if (raw.name === 'BackupError') return raw.code as ErrorCode
  return (
    byName[String(raw.name)] ??
    byName[String(raw.Code)] ??
    (byNodeCode.test(String(raw.code)) ? 'store-unreachable' : undefined) ??
    byStatus(raw.$metadata?.httpStatusCode) ??
    (String(raw.message).startsWith('Region is missing') ? 'config-invalid' : undefined) ??
    classifyS3Error(raw.cause, depth + 1)
  )
}

/** Answers to HEAD have no body, so no name: their status must do. */
function byStatus(status: number | undefined): ErrorCode | undefined {
  if (status === undefined) return undefined
  if (status === 404) return 'object-missing'
  if (status === 401 || status === 403) return 'store-auth-failed'
  if (status === 412) return 'object-exists'
  if (status === 507) return 'store-full'
  if (status === 501) return 'store-refused'
  if (status === 408 || status === 429 || status >= 500) return 'store-unreachable'
  if (status >= 400) return 'store-refused'
  return undefined
}
