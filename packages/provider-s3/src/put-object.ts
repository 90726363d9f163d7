import { setTimeout as delay } from 'node:timers/promises'
import type { CompletedPart } from '@aws-sdk/client-s3'
import {
  BackupError,
  type ByteSource,
  type ObjectMetadata,
  type PutLock,
  type PutOptions,
  untilAborted,
} from '@lifeboat/core'
import { assembleParts, type Part } from './assemble-parts.js'
import { checksumForLock, lockAfterwards, newObject } from './new-object.js'
import { type PartPlan, partBytes, partsAtOnce } from './part-size.js'
import type { S3Connection } from './s3-connection.js'
import type { S3Settings } from './s3-options.js'

/** One upload: where it goes and under which conditions. */
interface Upload extends S3Connection {
  readonly settings: S3Settings
  /** The full key, with the store's prefix. */
  readonly fullKey: string
  readonly ifAbsent: boolean
  readonly storageClass: string | undefined
  readonly lock: PutLock | undefined
  readonly metadata?: ObjectMetadata | undefined
}

/** How long an answer to the request that makes the object visible is awaited after an abort. */
const commitGraceMs = 10_000

/**
 * Uploads a source and gives its length. What fits into one part goes by one PutObject; the rest by a multipart upload.
 *
 * The last request (PutObject, CompleteMultipartUpload) is the point of no return: sent and then given up, nobody would
 * know whether the object exists. So an abort that comes later than its start lets it finish, for up to ten seconds.
 */
export async function putObject(upload: Upload, source: ByteSource, options: PutOptions): Promise<number> {
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const plan: PartPlan = { ...upload.settings, expectedBytes: options.expectedBytes }
  const buffers = bufferPool()
  const commit = lateSignal(options.signal)
  const parts = assembleParts(untilAborted(source, signal), sizeOfPart(plan, upload), buffers.take)
  try {
    const first = await parts.next()
    if (first.done) throw new Error('a source always gives a part')
    if (first.value.last) return await putWhole(upload, first.value.body, commit.signal)
    const hand = { first: first.value, rest: parts, stop, signal, commitSignal: commit.signal, buffers }
    return await putInParts(upload, hand)
  } catch (error) {
    // Read the reason, not the error: the SDK makes an AbortError of its own. What was left behind is worth more.
    if (nameOf(error) !== 'UnfinishedUpload') options.signal?.throwIfAborted()
    throw error
  } finally {
    commit.forget()
    await parts.return()
  }
}

async function putWhole(upload: Upload, body: Buffer, abortSignal: AbortSignal): Promise<number> {
  const { sdk, client } = upload
  try {
    await client.send(
      new sdk.PutObjectCommand({
        ...targetOf(upload),
        ...newObject(upload),
        ...condition(upload, true),
        ...checksumForLock(upload, body),
        Body: body,
      }),
      { abortSignal },
    )
    return body.length
  } catch (error) {
    if (upload.ifAbsent && (await isOwnWork(upload, error, body))) return body.length
    throw explained(upload, error)
  }
}

interface PartsInHand {
  readonly first: Part
  readonly rest: AsyncGenerator<Part, void, undefined>
  readonly stop: AbortController
  readonly signal: AbortSignal
  readonly commitSignal: AbortSignal
  readonly buffers: BufferPool
}

async function putInParts(upload: Upload, hand: PartsInHand): Promise<number> {
  const { sdk, client } = upload
  // Not cancelled by the signal: an upload that was begun, but whose id is lost, could not be removed.
  const begun = await client.send(
    new sdk.CreateMultipartUploadCommand({
      ...targetOf(upload),
      ...newObject(upload),
      ...(upload.settings.checksums === 'supported' ? { ChecksumAlgorithm: 'CRC32' as const } : {}),
    }),
  )
  const multipart = { ...targetOf(upload), UploadId: begun.UploadId }
  const done: CompletedPart[] = []
  const inFlight = new Set<Promise<void>>()
  let sizeBytes = 0

  const send = async ({ number, body }: Part) => {
    const part = { ...multipart, PartNumber: number, ...checksumForLock(upload, body), Body: body }
    const answer = await client.send(new sdk.UploadPartCommand(part), { abortSignal: hand.signal })
    done.push({ PartNumber: number, ETag: answer.ETag, ChecksumCRC32: answer.ChecksumCRC32 })
    // After a retry an older request might, in theory, still be reading the buffer.
    if (answer.$metadata.attempts === 1) hand.buffers.giveBack(body)
  }
  const start = async (part: Part) => {
    while (inFlight.size >= partsAtOnce(upload.settings.partsInFlight, part.body.length)) await Promise.race(inFlight)
    sizeBytes += part.body.length
    const sending: Promise<void> = send(part).then(
      () => void inFlight.delete(sending),
      error => {
        // Stops the source and the other parts at once; this promise stays and is what the upload fails with.
        hand.stop.abort(error)
        throw error
      },
    )
    // Met in `Promise.all` below; until then it must not count as unhandled.
    sending.catch(() => {})
    inFlight.add(sending)
  }

  try {
    await start(hand.first)
    for await (const part of hand.rest) await start(part)
    await Promise.all(inFlight)
    hand.signal.throwIfAborted()
    await complete(upload, multipart, done, sizeBytes, hand.commitSignal)
    await lockAfterwards(upload, targetOf(upload), hand.commitSignal)
    return sizeBytes
  } catch (error) {
    hand.stop.abort(error)
    // A part that arrives after the abort would be kept, and paid for.
    await Promise.allSettled(inFlight)
    await removeUnfinished(upload, multipart, error)
    throw explained(upload, error)
  }
}

async function complete(
  upload: Upload,
  multipart: Multipart,
  done: readonly CompletedPart[],
  sizeBytes: number,
  abortSignal: AbortSignal,
): Promise<void> {
  const { sdk, client } = upload
  // Where the service has no condition for this request, the last moment to look is now.
  if (upload.ifAbsent && !upload.settings.conditionalComplete) await refuseExisting(upload)
  const Parts = [...done].sort((a, b) => a.PartNumber! - b.PartNumber!)
  try {
    await client.send(
      new sdk.CompleteMultipartUploadCommand({
        ...multipart,
        ...condition(upload, upload.settings.conditionalComplete),
        MultipartUpload: { Parts },
      }),
      { abortSignal },
    )
  } catch (error) {
    // A repeated request finds no upload any more, or its own object, when the first one, whose answer was lost, did the work.
    const repeated = ((error as { $metadata?: { attempts?: number } }).$metadata?.attempts ?? 1) > 1
    if (nameOf(error) !== 'NoSuchUpload' && !(statusOf(error) === 412 && repeated)) throw error
    const found = await client.send(new sdk.HeadObjectCommand(targetOf(upload))).catch(() => undefined)
    if (found?.ContentLength === sizeBytes && found.ETag?.includes(`-${Parts.length}`)) return
    throw error
  }
}

/** Throws as a conditional put would when the key exists. */
export async function refuseExisting({ sdk, client, ...upload }: Upload, abortSignal?: AbortSignal): Promise<void> {
  try {
    await client.send(new sdk.HeadObjectCommand(targetOf(upload)), { abortSignal })
  } catch (error) {
    if (statusOf(error) === 404) return
    throw error
  }
  throw new BackupError('object-exists', `${upload.fullKey} exists`)
}

async function removeUnfinished(upload: Upload, multipart: Multipart, failure: unknown): Promise<void> {
  const { sdk, client } = upload
  let lastError: unknown
  for (let attempt = 0; attempt < 3; attempt++) {
    if (attempt > 0) await delay(500 * attempt)
    try {
      await client.send(new sdk.AbortMultipartUploadCommand(multipart), { abortSignal: AbortSignal.timeout(30_000) })
      return
    } catch (error) {
      if (nameOf(error) === 'NoSuchUpload') return
      lastError = error
    }
  }
  const first = failure instanceof Error ? failure.message : String(failure)
  const second = lastError instanceof Error ? lastError.message : String(lastError)
  const message = `${first}; the unfinished upload ${multipart.UploadId} could not be removed: ${second}`
  throw Object.assign(new Error(message, { cause: failure }), { name: 'UnfinishedUpload' })
}

/** Whether a refused conditional put was refused because of itself: its first attempt did the work, its answer got lost. */
async function isOwnWork({ sdk, client, ...upload }: Upload, error: unknown, body: Buffer): Promise<boolean> {
  const attempts = (error as { $metadata?: { attempts?: number } }).$metadata?.attempts ?? 1
  if (statusOf(error) !== 412 || attempts < 2) return false
  try {
    const found = await client.send(new sdk.GetObjectCommand(targetOf(upload)))
    return body.equals((await found.Body?.transformToByteArray()) ?? Buffer.alloc(0))
  } catch {
    // Then the refusal stands: to say that it exists is the safe answer.
    return false
  }
}

interface Multipart {
  readonly Bucket: string
  readonly Key: string
  readonly UploadId: string | undefined
}

function targetOf(upload: Pick<Upload, 'settings' | 'fullKey'>) {
  return { Bucket: upload.settings.bucket, Key: upload.fullKey }
}

function condition({ ifAbsent, settings }: Upload, known: boolean) {
  return ifAbsent && settings.conditionalPut && known ? { IfNoneMatch: '*' } : {}
}

function explained(upload: Upload, error: unknown): unknown {
  if (!upload.ifAbsent || !upload.settings.conditionalPut) return error
  if (statusOf(error) !== 501 && nameOf(error) !== 'NotImplemented') return error
  return new BackupError('store-refused', `${upload.settings.service} does not know conditional puts`, {
    hint: 'say `conditionalPut: false` in the options of s3(); ifAbsent is then checked beforehand, which a racer can beat',
    cause: error,
  })
}

function sizeOfPart(plan: PartPlan, upload: Upload): (partNumber: number) => number {
  return partNumber => {
    if (partNumber > plan.maxParts) {
      throw new BackupError('store-refused', `${upload.fullKey} does not fit into ${plan.maxParts} parts`, {
        hint: 'the object turned out far larger than expected; raise maxParts where the service takes more',
      })
    }
    return partBytes(plan, partNumber)
  }
}

/** A signal that aborts some time after `signal` does. */
function lateSignal(signal: AbortSignal | undefined): { readonly signal: AbortSignal; readonly forget: () => void } {
  const late = new AbortController()
  const onAbort = () => setTimeout(() => late.abort(signal?.reason), commitGraceMs).unref()
  signal?.addEventListener('abort', onAbort, { once: true })
  return { signal: late.signal, forget: () => signal?.removeEventListener('abort', onAbort) }
}

interface BufferPool {
  readonly take: (sizeBytes: number) => Buffer
  readonly giveBack: (buffer: Buffer) => void
}

/** Buffers of stored parts serve later parts of the same size: fresh memory has to be zeroed by the kernel. */
function bufferPool(): BufferPool {
  let spare: Buffer[] = []
  return {
    take: sizeBytes => {
      spare = spare.filter(({ length }) => length === sizeBytes)
      return spare.pop() ?? Buffer.allocUnsafeSlow(sizeBytes)
    },
    giveBack: buffer => {
      if (spare.length < 2) spare.push(buffer)
    },
  }
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined
}

export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode
}
