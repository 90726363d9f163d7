import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Client } from '@aws-sdk/client-s3'
import { nextDelayMs, type RetryPolicy, type StoreRetry } from '@lifeboat/core'
import { classifyS3Error } from './classify-s3-error.js'

/** Sends one request, as the SDK's client does. */
export type SendRequest = S3Client['send']

/** A client of the SDK that attempts once, and the means to replace it by one that asks for credentials anew. */
export interface ClientSlot {
  current(): S3Client
  /** Replaces the client, unless somebody else has by now. */
  replace(failed: S3Client): void
}

/** Names by which services refuse credentials that were good a moment ago. */
const expiredNames = new Set(['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired', 'RequestExpired'])
/** A certificate does not become valid by asking again. */
const certificateCodes = /^(CERT_\w+|UNABLE_TO_\w+|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|ERR_TLS_\w+)$/

/**
 * Requests are repeated here and not in the SDK: it would wait for five seconds where a service asks for thirty, it
 * tells nobody, and it repeats with the credentials it has.
 */
export function sendRequest(
  slot: ClientSlot,
  policy: RetryPolicy,
  onRetry: ((retry: StoreRetry) => void) | undefined,
): SendRequest {
  return (async (command: Parameters<SendRequest>[0], options?: { readonly abortSignal?: AbortSignal }) => {
    const signal = options?.abortSignal
    let failures = 0
    let waitedMs = 0
    let renewed = false
    for (;;) {
      const client = slot.current()
      try {
        const output = await client.send(command, options)
        output.$metadata.attempts = failures + 1
        return output
      } catch (error) {
        failures += 1
        describe(error, failures)
        if (signal?.aborted) throw error
        if (isExpired(error) && !renewed) {
          renewed = true
          slot.replace(client)
          onRetry?.({ doing: nameOf(command), attempt: failures + 1, delayMs: 0, code: 'store-auth-failed' })
          continue
        }
        const history = { failures, waitedMs, askedMs: askedFor(error) }
        const delayMs = mayHelp(error) ? nextDelayMs(policy, history) : undefined
        if (delayMs === undefined) throw error
        waitedMs += delayMs
        onRetry?.({ doing: nameOf(command), attempt: failures + 1, delayMs, code: 'store-unreachable' })
        await sleep(delayMs, undefined, { signal }).catch(() => {
          throw error
        })
      }
    }
  }) as SendRequest
}

function isExpired(error: unknown): boolean {
  return error instanceof Error && expiredNames.has(error.name)
}

/** A clock that was wrong is set by the SDK from the answer; the next request then carries the right time. */
function mayHelp(error: unknown): boolean {
  const { code, $metadata } = error as { code?: unknown; $metadata?: { clockSkewCorrected?: boolean } }
  if (certificateCodes.test(String(code))) return false
  return $metadata?.clockSkewCorrected === true || classifyS3Error(error) === 'store-unreachable'
}

/** `Retry-After`, as seconds or as a date (RFC 9110, 10.2.3). */
function askedFor(error: unknown): number | undefined {
  const headers = (error as { $response?: { headers?: Record<string, string> } }).$response?.headers ?? {}
  const asked = headers['retry-after']
  if (asked === undefined) return undefined
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - Date.now()
  return Number.isFinite(ms) && ms > 0 ? ms : undefined
}

/** Some services (Ceph) send a code but no message, which the SDK then calls `UnknownError`: the code says more. */
function describe(error: unknown, attempts: number): void {
  if (!(error instanceof Error)) return
  if (error.message === 'UnknownError') error.message = error.name
  const described = error as { $metadata?: { attempts?: number } }
  described.$metadata = { ...described.$metadata, attempts }
}

function nameOf(command: object): string {
  return command.constructor.name.replace(/Command$/, '')
}
