import type { OpenMessage } from '../encryption/message-session.js'
import { BackupError } from '../errors/backup-error.js'
import type { ObjectStore } from '../store/object-store.js'
import { wrapStoreError } from '../store/wrap-store-error.js'
import { type ByteSource, bytesOf, readWhole } from '../streams/byte-source.js'
import { PassingDigest } from '../streams/digest.js'
import type { ContentPlace, ObjectEntry } from './object-entry.js'
import { contentKey } from './object-layout.js'

/** So much is read of a pack at once, for neighbours in it. */
const groupBytes = 8 * 1024 * 1024
const groupObjects = 32

/** Entries whose messages lie behind each other, in this order; or one alone. */
export type ContentGroup = readonly ObjectEntry[]

/** Entries in their order, those together that one request can read. */
export async function* groupByContent(entries: AsyncIterable<ObjectEntry>): AsyncGenerator<ContentGroup> {
  let group: ObjectEntry[] = []
  let end: ContentPlace | null = null
  let bytes = 0
  for await (const entry of entries) {
    const { content } = entry
    const follows =
      content !== null &&
      end !== null &&
      content.run === end.run &&
      content.number === end.number &&
      content.offset === end.offset + end.lengthBytes &&
      bytes + content.lengthBytes <= groupBytes &&
      group.length < groupObjects
    if (!follows && group.length > 0) {
      yield group
      group = []
      bytes = 0
    }
    group.push(entry)
    end = content
    bytes += content?.lengthBytes ?? 0
  }
  if (group.length > 0) yield group
}

export interface ContentSource {
  readonly store: ObjectStore
  readonly product: string
  readonly set: string
  readonly open: OpenMessage
  readonly signal: AbortSignal | undefined
}

/** An entry and its plain bytes, to be read to their end before the next is asked for. */
export interface OpenedObject {
  readonly entry: ObjectEntry
  /** Its regular end means that these are the bytes that were read from the source. */
  readonly plain: ByteSource
}

/** The objects of a group, with one request for all of them. */
export async function* openGroup(source: ContentSource, group: ContentGroup): AsyncGenerator<OpenedObject> {
  const [first] = group
  if (first === undefined) return
  if (first.content === null) {
    for (const entry of group) yield { entry, plain: checked(source, entry, bytesOf()) }
    return
  }
  const last = group.at(-1)!.content!
  const place = { ...first.content, lengthBytes: last.offset + last.lengthBytes - first.content.offset }
  if (group.length === 1) {
    yield { entry: first, plain: checked(source, first, source.open(stored(source, place))) }
    return
  }
  const bytes = await readWhole(stored(source, place), groupBytes + 1)
  for (const entry of group) {
    const from = entry.content!.offset - place.offset
    const message = bytes.subarray(from, from + entry.content!.lengthBytes)
    yield { entry, plain: checked(source, entry, source.open(bytesOf(message))) }
  }
}

/** Stored bytes at a place; fewer of them are an error. */
async function* stored({ store, product, set, signal }: ContentSource, place: ContentPlace): ByteSource {
  const key = contentKey(product, set, place.run, place.number)
  const { offset: start, lengthBytes } = place
  let bytes = 0
  try {
    for await (const chunk of store.get(key, { range: { start, end: start + lengthBytes - 1 }, signal })) {
      bytes += chunk.byteLength
      yield chunk
    }
  } catch (error) {
    throw wrapStoreError(error, { store, doing: `read ${key}`, signal })
  }
  if (bytes !== lengthBytes)
    throw new BackupError('object-damaged', `${key} is shorter than its snapshot says`, { hint: elsewhere })
}

async function* checked({ signal }: ContentSource, entry: ObjectEntry, plain: ByteSource): ByteSource {
  const digest = new PassingDigest()
  for await (const chunk of plain) {
    signal?.throwIfAborted()
    digest.update(chunk)
    if (digest.bytes > entry.sizeBytes) break
    yield chunk
  }
  if (digest.bytes === entry.sizeBytes && digest.sha256 === entry.sha256) return
  throw new BackupError('object-damaged', `what is stored of ${entry.key} is not what was read from the source`, {
    hint: elsewhere,
  })
}

const elsewhere = 'use another snapshot or destination: `lifeboat objects list`'
