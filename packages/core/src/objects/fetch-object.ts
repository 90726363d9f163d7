import { encryptIn, type MessageSession } from '../encryption/message-session.js'
import { BackupError } from '../errors/backup-error.js'
import type { ErrorCode } from '../errors/error-code.js'
import type { ObjectStore, StoredObject } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { type ByteSource, bytesOf, readWhole } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import type { ContentWriter } from './content-writer.js'
import type { ObjectEntry } from './object-entry.js'
import { sha256Of } from './snapshot-files.js'

/** Objects up to this are held, and share a pack with others; longer ones pass as a stream, and lie alone. */
export const smallObjectBytes = 1024 * 1024

/** An object that was read: stored already, or as a message that waits for its place in a pack. */
export type Fetched =
  | { readonly entry: ObjectEntry; readonly message: null }
  | { readonly entry: Omit<ObjectEntry, 'content'>; readonly message: Buffer }

export interface FetchWork {
  readonly source: ObjectStore
  readonly writer: ContentWriter
  readonly session: MessageSession
  readonly signal: AbortSignal
  /** Called with plain bytes as they come. */
  readonly onBytes: (count: number) => void
}

/** What a single object may fail with while the run goes on: it went away, it changed, or it is kept from us. */
const ofOneObject: readonly ErrorCode[] = [
  'object-missing',
  'object-changed',
  'object-damaged',
  'store-refused',
  'store-auth-failed',
]

/** Marks what came from reading the source, so that a failure of the destination is not taken for one of an object. */
export class SourceFailure extends Error {
  constructor(readonly error: BackupError) {
    super(error.message, { cause: error })
  }
}

/** Why one object could not be read, where the run can go on without it. */
export function failureOfOne(error: unknown): BackupError | undefined {
  return error instanceof SourceFailure && ofOneObject.includes(error.error.code) ? error.error : undefined
}

/**
 * Reads one object as it was listed, whole, or fails: with `object-changed` when it is another one by now.
 * @throws {@link SourceFailure} for what the source did, and the destination's raw errors
 */
export async function fetchObject(work: FetchWork, found: StoredObject): Promise<Fetched> {
  let told: StoredObject | undefined
  const onFound = (one: StoredObject) => {
    told = one
  }
  const digest = new PassingDigest()
  const checked = readChecked(work, found, digest, onFound)
  const described = () => ({
    key: found.key,
    sizeBytes: found.sizeBytes,
    modifiedAt: found.modifiedAt.toISOString(),
    etag: found.etag ?? null,
    metadata: told?.metadata === undefined || Object.keys(told.metadata).length === 0 ? null : told.metadata,
    stale: false,
  })
  if (found.sizeBytes > smallObjectBytes) {
    const content = await work.writer.storeAlone(encryptIn(work.session, checked), found.sizeBytes)
    return { entry: { ...described(), sha256: digest.sha256, content }, message: null }
  }
  const plain = await readWhole(checked, smallObjectBytes)
  const sha256 = sha256Of(plain)
  if (plain.byteLength === 0) return { entry: { ...described(), sha256, content: null }, message: null }
  const parts: Uint8Array[] = []
  for await (const part of encryptIn(work.session, bytesOf(plain))) parts.push(part)
  return { entry: { ...described(), sha256 }, message: Buffer.concat(parts) }
}

/** The bytes of an object; the regular end means that they are all, and of the object that was listed. */
async function* readChecked(
  { source, signal, onBytes }: FetchWork,
  found: StoredObject,
  digest: PassingDigest,
  onFound: (found: StoredObject) => void,
): ByteSource {
  const { key, sizeBytes, etag } = found
  const long = sizeBytes > smallObjectBytes
  let bytes = 0
  try {
    for await (const chunk of source.get(key, { ifMatch: etag, onFound, signal })) {
      bytes += chunk.byteLength
      if (bytes > sizeBytes) throw changed(key)
      if (long) digest.update(chunk)
      onBytes(chunk.byteLength)
      yield chunk
    }
    if (bytes < sizeBytes) throw changed(key)
    if (etag === undefined) await assertSame(source, found, signal)
  } catch (error) {
    throw new SourceFailure(wrapStoreError(error, { store: source, doing: `read ${key}`, signal }))
  }
}

/** Where a source has no etags, a look afterwards tells whether the object changed while it was read. */
async function assertSame(source: ObjectStore, found: StoredObject, signal: AbortSignal): Promise<void> {
  const now = await source.head(found.key, { signal })
  if (now?.sizeBytes !== found.sizeBytes || now.modifiedAt.getTime() !== found.modifiedAt.getTime())
    throw changed(found.key)
}

function changed(key: string): BackupError {
  return new BackupError('object-changed', `${key} is another object by now`)
}
