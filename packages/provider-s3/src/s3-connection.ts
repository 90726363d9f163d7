import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { S3Client } from '@aws-sdk/client-s3'
import type { StoreRetry } from '@lifeboat/core'
import { credentialsFor } from './s3-credentials.js'
import type { S3Settings } from './s3-options.js'
import { type SendRequest, sendRequest } from './send-request.js'

type Sdk = typeof import('@aws-sdk/client-s3')

/** The SDK and the way to send with it. */
export interface S3Connection {
  readonly sdk: Sdk
  readonly client: { readonly send: SendRequest }
}

/** A connection for one call of the store, whose repeated requests `onRetry` hears of. */
export type Connect = (onRetry: ((retry: StoreRetry) => void) | undefined) => S3Connection

const connectTimeoutMs = 10_000

/** Loads the SDK (it takes a while, so nobody pays for it before the first call) and makes a client. No network yet. */
export async function connect(settings: S3Settings): Promise<Connect> {
  const sdk = await import('@aws-sdk/client-s3')
  const make = await clientMaker(sdk, settings)
  let client = make()
  const slot = {
    current: () => client,
    replace: (failed: S3Client) => {
      // Several requests may find at once that the credentials have expired; one new client is enough. The old one is
      // not destroyed: others may still be waiting for its answers, and its idle sockets close by themselves.
      if (client === failed) client = make()
    },
  }
  return onRetry => ({ sdk, client: { send: sendRequest(slot, settings.retry, onRetry) } })
}

/** Every client has credentials of its own, asked for at its first request. */
async function clientMaker(sdk: Sdk, settings: S3Settings): Promise<() => S3Client> {
  const credentials = await credentialsFor(settings)
  const sockets = { keepAlive: true, keepAliveMsecs: 15_000, maxSockets: 64 }
  return () =>
    quietly(
      () =>
        new sdk.S3Client({
          endpoint: settings.endpoint,
          region: settings.region,
          profile: settings.profile,
          credentials: credentials?.(),
          forcePathStyle: settings.pathStyle,
          followRegionRedirects: settings.endpoint === undefined,
          // Requests are repeated around the client: see send-request.ts.
          maxAttempts: 1,
          requestChecksumCalculation: settings.checksums === 'supported' ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
          // Core checks every byte against the manifest; the SDK's check would pipe the body through a stream that
          // passes no errors on, and some services refuse to be asked for it.
          responseChecksumValidation: 'WHEN_REQUIRED',
          // With the header the SDK opens a new connection for every part.
          expectContinueHeader: false,
          requestHandler: {
            connectionTimeout: connectTimeoutMs,
            socketTimeout: settings.idleTimeoutMs,
            httpAgent: new HttpAgent(sockets),
            httpsAgent: new HttpsAgent(sockets),
          },
        }),
    )
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
