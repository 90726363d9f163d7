import { BackupError } from '../errors/backup-error.js'
import type { ObjectMetadata } from '../store/object-metadata.js'
import { contentName, parseContentName } from './object-layout.js'

/** Where the bytes of an object lie: one OpenPGP message, alone or in a row of them. */
export interface ContentPlace {
  /** The run that stored it. */
  readonly run: string
  /** Which of the things that the run stored. */
  readonly number: number
  readonly offset: number
  readonly lengthBytes: number
}

/** An object as a snapshot holds it. */
export interface ObjectEntry {
  /** As in the source. */
  readonly key: string
  readonly sizeBytes: number
  /** As the source told it, RFC 3339. */
  readonly modifiedAt: string
  readonly etag: string | null
  /** Of the plain bytes. */
  readonly sha256: string
  /** Null: it is empty. */
  readonly content: ContentPlace | null
  readonly metadata: ObjectMetadata | null
  /** It could not be read in this run; this is what an earlier one had. */
  readonly stale: boolean
  /** A killed run left it; says nothing of the object, and is in no listing. */
  readonly resumed?: true
}

/** The line of an entry in a listing, as docs/format.md tells it. */
export function entryLine(entry: ObjectEntry): string {
  const { content, metadata, etag, stale } = entry
  return JSON.stringify({
    key: entry.key,
    size: entry.sizeBytes,
    modified: entry.modifiedAt,
    ...(etag === null ? {} : { etag }),
    sha256: entry.sha256,
    ...(content === null
      ? {}
      : { in: contentName(content.run, content.number), offset: content.offset, length: content.lengthBytes }),
    ...(metadata === null ? {} : { metadata }),
    ...(stale ? { stale } : {}),
  })
}

/** @throws BackupError `object-damaged` */
export function parseEntry(line: string): ObjectEntry {
  const found = parseJson(line)
  const { key, size, modified, etag, sha256, metadata, stale } = found
  const fits =
    typeof key === 'string' &&
    isCount(size) &&
    typeof modified === 'string' &&
    (etag === undefined || typeof etag === 'string') &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    (metadata === undefined || (typeof metadata === 'object' && metadata !== null))
  if (!fits) throw damaged()
  const content = placeOf(found)
  if ((content === null) !== (size === 0)) throw damaged()
  return {
    ...{ key, sizeBytes: size, modifiedAt: modified, etag: etag ?? null, sha256, content },
    metadata: metadata === undefined ? null : metadataOf(metadata as Record<string, unknown>),
    stale: stale === true,
  }
}

function placeOf(found: Record<string, unknown>): ContentPlace | null {
  if (found.in === undefined) return null
  const name = typeof found.in === 'string' ? parseContentName(found.in) : undefined
  const { offset, length } = found
  if (name === undefined || !isCount(offset) || !isCount(length) || length === 0) throw damaged()
  return { ...name, offset, lengthBytes: length }
}

const fields = ['contentType', 'cacheControl', 'contentDisposition', 'contentEncoding', 'contentLanguage'] as const

function metadataOf(found: Record<string, unknown>): ObjectMetadata {
  const known = fields.flatMap(name => (typeof found[name] === 'string' ? [[name, found[name]]] : []))
  const user =
    typeof found.user === 'object' && found.user !== null
      ? Object.entries(found.user).filter(([, value]) => typeof value === 'string')
      : []
  return { ...Object.fromEntries(known), ...(user.length === 0 ? {} : { user: Object.fromEntries(user) }) }
}

/** An object of a line of JSON. @throws BackupError `object-damaged` */
export function parseJson(line: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch {
    // Said below: what the parser says would quote the line.
  }
  throw damaged()
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function damaged(): BackupError {
  return new BackupError('object-damaged', 'a line of the listing is not one', {
    hint: 'use another snapshot or destination: `lifeboat objects list`',
  })
}
