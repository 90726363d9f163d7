import type { S3ClientConfig } from '@aws-sdk/client-s3'
import type { S3Settings, SecretSource } from './s3-options.js'

/** The SDK asks again a few minutes before credentials expire, so these are read anew about every ten minutes. */
const rereadAfterMs = 15 * 60_000

/**
 * What a new client asks for credentials; undefined leaves it to its own chain. A function: each client asks anew.
 */
export async function credentialsFor(settings: S3Settings): Promise<(() => S3ClientConfig['credentials']) | undefined> {
  const { credentials, profile } = settings
  if (profile !== undefined) {
    const { fromIni } = await import('@aws-sdk/credential-providers')
    // Without `ignoreCache` the shared files are read once in the life of a process.
    return () => fromIni({ profile, ignoreCache: true })
  }
  if (credentials === undefined) return undefined
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const changes = [accessKeyId, secretAccessKey, sessionToken].some(source => typeof source === 'function')
  return () => async () => ({
    accessKeyId: await read(accessKeyId),
    secretAccessKey: await read(secretAccessKey),
    ...(sessionToken === undefined ? {} : { sessionToken: await read(sessionToken) }),
    ...(changes || sessionToken !== undefined ? { expiration: new Date(Date.now() + rereadAfterMs) } : {}),
  })
}

async function read(source: SecretSource): Promise<string> {
  if (typeof source === 'string') return source
  return typeof source === 'function' ? await source() : source.read()
}
