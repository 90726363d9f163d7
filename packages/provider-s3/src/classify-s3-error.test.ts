import { BackupError } from '@lifeboat/core'
import { describe, expect, it } from 'vitest'
import { classifyS3Error } from './classify-s3-error.js'

const named = (name: string, httpStatusCode?: number) =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } })

describe('classifyS3Error', () => {
  it.each([
    [named('NoSuchBucket', 404), 'store-not-found'],
    [named('NoSuchKey', 404), 'object-missing'],
    [named('NotFound', 404), 'object-missing'],
    [named('InvalidAccessKeyId', 403), 'store-auth-failed'],
    [named('SignatureDoesNotMatch', 403), 'store-auth-failed'],
    [named('ExpiredToken', 400), 'store-auth-failed'],
    [named('AccessDenied', 403), 'store-auth-failed'],
    [named('403', 403), 'store-auth-failed'],
    [named('CredentialsProviderError'), 'store-auth-failed'],
    [named('PreconditionFailed', 412), 'object-exists'],
    [named('ConditionalRequestConflict', 409), 'object-exists'],
    [named('SlowDown', 503), 'store-unreachable'],
    [named('Unknown', 502), 'store-unreachable'],
    [named('TimeoutError'), 'store-unreachable'],
    [named('QuotaExceeded', 403), 'store-full'],
    [named('InvalidObjectState', 403), 'object-archived'],
    [named('Whatever', 400), 'store-refused'],
    [new Error('Region is missing'), 'config-invalid'],
    [new BackupError('secret-missing', 'x'), 'secret-missing'],
    [new Error('outer', { cause: named('NoSuchBucket', 404) }), 'store-not-found'],
    [new Error('the dump failed'), undefined],
    [undefined, undefined],
  ])('%s is %s', (error, expected) => {
    expect(classifyS3Error(error)).toBe(expected)
  })

  it.each(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EAI_AGAIN', 'CERT_HAS_EXPIRED'])(
    '%s is store-unreachable',
    code => {
      expect(classifyS3Error(Object.assign(new Error(code), { code }))).toBe('store-unreachable')
    },
  )
})
