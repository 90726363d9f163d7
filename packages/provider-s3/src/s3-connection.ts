import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { S3Client } from '@aws-sdk/client-s3'
import { credentialsFor } from './s3-credentials.js'
import type { S3Settings } from './s3-options.js'

type Sdk = typeof import('@aws-sdk/client-s3')

/** The SDK and a client, made at the first call of a store. */
export interface S3Connection {
  readonly sdk: Sdk
  readonly client: S3Client
}

const connectTimeoutMs = 10_000
const idleTimeoutMs = 60_000

/** Loads the SDK (it takes a while, so nobody pays for it before the first call) and makes a client. No network yet. */
export async function connect(settings: S3Settings): Promise<S3Connection> {
  const sdk = await import('@aws-sdk/client-s3')
  const credentials = await credentialsFor(settings)
  const sockets = { keepAlive: true, keepAliveMsecs: 15_000, maxSockets: 64 }
  const client = quietly(
    () =>
      new sdk.S3Client({
        endpoint: settings.endpoint,
        region: settings.region,
        profile: settings.profile,
        credentials,
        forcePathStyle: settings.pathStyle,
        followRegionRedirects: settings.endpoint === undefined,
        maxAttempts: 5,
        retryMode: 'standard',
        requestChecksumCalculation: settings.checksums === 'supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
        // Core checks every byte against the manifest; the SDK's check would pipe the body through a stream that
        // passes no errors on, and some services refuse to be asked for it.
        responseChecksumValidation: 'WHEN_REQUIRED',
        // With the header the SDK opens a new connection for every part.
        expectContinueHeader: false,
        requestHandler: {
          connectionTimeout: connectTimeoutMs,
          socketTimeout: idleTimeoutMs,
          httpAgent: new HttpAgent(sockets),
          httpsAgent: new HttpsAgent(sockets),
        },
      }),
  )
  client.middlewareStack.add(next => args => next(args).catch(nameUnknown), { step: 'initialize', name: 'nameUnknown' })
  return { sdk, client }
}

/** Some services (Ceph) send a code but no message, which the SDK then calls `UnknownError`: the code says more. */
function nameUnknown(error: unknown): never {
  if (error instanceof Error && error.message === 'UnknownError') error.message = error.name
  throw error
}

/**
 * Keeps the SDK from announcing, in the output of every command, which Node its future versions will need. It looks at
 * this variable once, while the first client is made; all other warnings stay.
 */
function quietly<T>(make: () => T): T {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'
  const before = process.env[name]
  process.env[name] = 'true'
  try {
    return make()
  } finally {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  }
}
