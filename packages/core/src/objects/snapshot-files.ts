import { createHash } from 'node:crypto'
import { compress, decompress } from '../codec/codec.js'
import { encryptIn, type MessageSession, type OpenMessage } from '../encryption/message-session.js'
import { BackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import type { ByteSource } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import { bytesToLines, linesToBytes } from '../streams/lines.js'
import { isCount, type ObjectEntry, parseEntry, parseJson } from './object-entry.js'
import { contentName, inventoryKey, listingKey, parseContentName } from './object-layout.js'
import type { Snapshot, SnapshotPlace } from './snapshot.js'

/** Something that a run stored, as the inventory names it. */
export interface StoredContent {
  readonly run: string
  readonly number: number
  readonly storedBytes: number
  readonly storedSha256: string
  /** Until when, at least, a lock keeps it, RFC 3339; absent where no run locked it. */
  readonly lockedUntil?: string | undefined
  /** A legal hold was put on it. */
  readonly held?: boolean | undefined
}

export interface StoredFile {
  readonly storedBytes: number
  readonly storedSha256: string
}

/** Writes lines as one object, compressed, and encrypted where there is a session. Never over another one. */
export async function writeLines(
  store: ObjectStore,
  key: string,
  lines: AsyncIterable<string>,
  options: { readonly session?: MessageSession | undefined; readonly signal?: AbortSignal | undefined },
): Promise<StoredFile> {
  const { session, signal } = options
  const digest = new PassingDigest()
  const packed = compress(linesToBytes(lines), { codec: 'gzip', level: 6 })
  const stored = await store.put(key, digest.through(session ? encryptIn(session, packed) : packed), {
    ifAbsent: true,
    signal,
  })
  assertLength(key, stored.sizeBytes, digest.bytes)
  return { storedBytes: digest.bytes, storedSha256: digest.sha256 }
}

/** @throws BackupError `object-damaged` when a store reports another length than was sent */
export function assertLength(key: string, reported: number, sent: number): void {
  if (reported === sent) return
  throw new BackupError('object-damaged', `${key} has ${reported} bytes where ${sent} were sent`, {
    hint: 'try again; where it stays so, something between here and the store changes what passes',
  })
}

/**
 * The entries of a snapshot, in the order of their keys. The regular end means that the listing was the one its head
 * names, and that it held as many objects.
 * @throws BackupError `object-damaged`, `object-missing`, `wrong-key`, `key-missing`
 */
export async function* readListing(
  { store, product, set }: SnapshotPlace,
  snapshot: Snapshot,
  open: OpenMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectEntry> {
  const key = listingKey(product, set, snapshot.id)
  let objects = 0
  const source = (bytes: ByteSource) => decompress(open(bytes), 'gzip')
  for await (const line of readLines(store, key, snapshot.listing, source, signal)) {
    objects += 1
    if (objects > snapshot.objects) break
    yield parseEntry(line)
  }
  if (objects !== snapshot.objects)
    throw damaged(key, `its head says ${snapshot.objects} objects, and it does not hold as many`)
}

/** The lines of an encrypted list; the regular end means that it was the one that is named. @throws as {@link readListing} */
export function readListLines(
  store: ObjectStore,
  key: string,
  expected: StoredFile,
  open: OpenMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  return readLines(store, key, expected, bytes => decompress(open(bytes), 'gzip'), signal)
}

/** The content that a snapshot needs. Needs no key. @throws BackupError `object-damaged`, `object-missing` */
export async function* readInventory(
  { store, product, set }: SnapshotPlace,
  snapshot: Snapshot,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredContent> {
  const key = inventoryKey(product, set, snapshot.id)
  const source = (bytes: ByteSource) => decompress(bytes, 'gzip')
  let contents = 0
  for await (const line of readLines(store, key, snapshot.inventory, source, signal)) {
    contents += 1
    if (contents > snapshot.inventory.contents) break
    yield parseContent(line, key)
  }
  if (contents !== snapshot.inventory.contents)
    throw damaged(key, `its head says ${snapshot.inventory.contents} contents, and it does not name as many`)
}

export function contentLine({ run, number, storedBytes, storedSha256, lockedUntil, held }: StoredContent): string {
  const locked = { ...(lockedUntil === undefined ? {} : { lockedUntil }), ...(held ? { held } : {}) }
  return JSON.stringify({ in: contentName(run, number), bytes: storedBytes, sha256: storedSha256, ...locked })
}

export function parseContent(line: string, key: string): StoredContent {
  const { in: name, bytes, sha256, lockedUntil, held } = parseJson(line)
  const parsed = typeof name === 'string' ? parseContentName(name) : undefined
  if (parsed === undefined || !isCount(bytes) || typeof sha256 !== 'string') throw damaged(key, 'a line is not one')
  const locked = typeof lockedUntil === 'string' && !Number.isNaN(Date.parse(lockedUntil)) ? { lockedUntil } : {}
  return { ...parsed, storedBytes: bytes, storedSha256: sha256, ...locked, ...(held === true ? { held } : {}) }
}

async function* readLines(
  store: ObjectStore,
  key: string,
  expected: StoredFile,
  unfold: (bytes: ByteSource) => ByteSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const digest = new PassingDigest()
  try {
    yield* bytesToLines(unfold(digest.through(store.get(key, { signal }))))
  } catch (error) {
    if (error instanceof RangeError) throw damaged(key, error.message)
    throw wrapStoreError(error, { store, doing: `read ${key}`, signal })
  }
  if (digest.bytes !== expected.storedBytes || digest.sha256 !== expected.storedSha256)
    throw damaged(key, 'it is not what its head records: other bytes')
}

function damaged(key: string, why: string): BackupError {
  return new BackupError('object-damaged', `${key}: ${why}`, {
    hint: 'use another snapshot or destination: `lifeboat objects list`',
  })
}

/** Lower-case hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
