import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { BackupError, type ByteSource, type GetOptions, nextDelayMs, type RetryPolicy } from '@lifeboat/core'
import { fullyDescribed } from './described.js'
import type { S3Connection } from './s3-connection.js'

/** So many lost connections end a read, whatever they brought. */
const mostTries = 100

/**
 * Reads an object. A connection that breaks off, or ends early, is resumed where it stopped; what is read is one
 * version of the object (`If-Match`) and all of it, or an error. Lost connections count as failed attempts as long as
 * none of them brings a byte.
 */
export async function* getObject(
  { sdk, client }: S3Connection,
  { storeKey, ...target }: { readonly Bucket: string; readonly Key: string; readonly storeKey: string },
  { range, ifMatch, onFound, signal, onRetry }: GetOptions,
  policy: RetryPolicy,
): ByteSource {
  let position = range?.start ?? 0
  let end: number | undefined
  let etag = ifMatch
  let fruitless = 0
  let waitedMs = 0

  for (let lost = 0; ; lost++) {
    const Range = rangeHeader(position, range?.end)
    const answer = await client
      .send(new sdk.GetObjectCommand({ ...target, Range, IfMatch: etag }), { abortSignal: signal })
      .catch((error: unknown) => {
        signal?.throwIfAborted()
        throw explained(error, target.Key, lost > 0, ifMatch !== undefined)
      })
    const body = answer.Body as Readable | undefined
    if (body === undefined || answer.ContentLength === undefined) throw new Error(`no body came for ${target.Key}`)
    if (Range !== undefined && answer.ContentRange === undefined) {
      body.destroy()
      throw new BackupError('store-refused', `the service ignores ranges; it was asked for part of ${target.Key}`)
    }
    etag ??= answer.ETag
    if (lost === 0) onFound?.({ key: storeKey, ...fullyDescribed(answer) })
    end ??= position + answer.ContentLength

    const onAbort = () => body.destroy(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    let failure: unknown
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        signal?.throwIfAborted()
        position += chunk.byteLength
        fruitless = 0
        waitedMs = 0
        yield chunk
      }
      if (position === end) return
      failure = new Error(`the connection ended ${end - position} bytes too early`)
    } catch (error) {
      signal?.throwIfAborted()
      failure = error
    } finally {
      signal?.removeEventListener('abort', onAbort)
      // Also when the reader has enough: the rest of the object must not keep coming.
      body.destroy()
    }
    if (position > end) throw new BackupError('object-damaged', `more bytes came than ${target.Key} has`)
    fruitless += 1
    const delayMs = lost >= mostTries ? undefined : nextDelayMs(policy, { failures: fruitless, waitedMs })
    if (delayMs === undefined) throw brokenOff(target.Key, position, failure)
    waitedMs += delayMs
    onRetry?.({ doing: `GetObject from byte ${position}`, attempt: fruitless + 1, delayMs, code: 'store-unreachable' })
    await delay(delayMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}

function rangeHeader(start: number, end: number | undefined): string | undefined {
  if (start === 0 && end === undefined) return undefined
  return `bytes=${start}-${end ?? ''}`
}

function brokenOff(key: string, position: number, cause: unknown): Error {
  return new BackupError(
    'store-unreachable',
    `the connection broke off at byte ${position} of ${key}, again and again`,
    {
      cause,
    },
  )
}

function explained(error: unknown, key: string, resuming: boolean, conditional: boolean): unknown {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
  if (conditional && status === 412) {
    return new BackupError('object-changed', `${key} is another object by now`, { cause: error })
  }
  if (resuming && status === 412) {
    return new BackupError('object-damaged', `${key} was overwritten while it was read`, { cause: error })
  }
  if (status === 416) {
    return new BackupError('object-damaged', `${key} is shorter than its reader knows`, { cause: error })
  }
  return error
}
