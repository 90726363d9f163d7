import { promisify } from 'node:util'
import { crc32, gunzip, gzip } from 'node:zlib'
import { BlockPool, inBlocks } from '../streams/blocks.js'
import { ByteReader } from '../streams/byte-reader.js'
import type { ByteSource } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { codecBlockBytes, codecWidth } from './codec.js'
import { fastDeflate } from './fast-deflate.js'
import { assertZeros, damagedGzip, inflateStream } from './gzip-stream.js'
import { WindowChooser } from './gzip-window.js'

const gzipAsync = promisify(gzip)
const gunzipAsync = promisify(gunzip)

/**
 * A member's header carries the member's whole length in an extra field `LB` (RFC 1952, 2.3.1.1), so that a reader can
 * cut the stream into members and inflate them in parallel. Stock gunzip skips the field.
 */
const headerBytes = 20
const plainHeaderBytes = 10
const trailerBytes = 8
/** The level that our own deflate is for; the others are zlib's. */
const fastestLevel = 1
/** Bounds what a hostile member may claim or unfold to. */
const maxMemberBytes = 8 * 2 ** 20
const maxPlainBytes = 8 * 2 ** 20

/** Compresses to independent gzip members. An empty source becomes one empty member. */
export async function* gzipMembers(source: ByteSource, level: number): ByteSource {
  let some = false
  for await (const piece of level === fastestLevel ? fastMembers(source) : zlibMembers(source, level)) {
    some = true
    yield piece
  }
  if (!some) yield fastMember(Buffer.alloc(0))
}

/** With our own deflate, on the thread that calls: it is as fast as reading what it compresses. */
async function* fastMembers(source: ByteSource): ByteSource {
  const block = Buffer.allocUnsafeSlow(codecBlockBytes)
  for await (const filled of inBlocks(source, codecBlockBytes, () => block)) yield fastMember(filled)
}

function fastMember(block: Buffer): Buffer {
  const deflated = fastDeflate(block)
  const end = headerBytes + deflated.byteLength
  const member = Buffer.allocUnsafeSlow(end + trailerBytes)
  writeHeader(member, member.byteLength)
  member.set(deflated, headerBytes)
  member.writeUInt32LE(crc32(block), end)
  member.writeUInt32LE(block.byteLength, end + 4)
  return member
}

/** With zlib, several at once on the thread pool. */
async function* zlibMembers(source: ByteSource, level: number): ByteSource {
  let lastBytes = codecBlockBytes / 2
  const pool = new BlockPool(codecBlockBytes)
  const windows = new WindowChooser(level)
  const members = orderedParallel(inBlocks(source, codecBlockBytes, pool.take), codecWidth, async block => {
    const windowBits = await windows.choose(block)
    const pieces = await zlibMember(block, { level, windowBits, expectedBytes: lastBytes * 1.1 })
    lastBytes = pieces[1].byteLength
    pool.give(block)
    return pieces
  })
  for await (const pieces of members) yield* pieces
}

/**
 * A member as its header and the rest.
 * @param options.expectedBytes what zlib sets aside for the result: more memory than it takes is more to collect
 */
async function zlibMember(
  block: Buffer,
  options: { readonly level: number; readonly windowBits: number; readonly expectedBytes: number },
): Promise<[header: Buffer, rest: Buffer]> {
  const { level, windowBits } = options
  const chunkSize = Math.max(1024, Math.ceil(options.expectedBytes))
  const stock = await gzipAsync(block, { level, memLevel: 9, windowBits, chunkSize })
  const header = Buffer.alloc(headerBytes)
  writeHeader(header, stock.byteLength + headerBytes - plainHeaderBytes)
  return [header, stock.subarray(plainHeaderBytes)]
}

/** Deflated, with an extra field of eight bytes and nothing else told (RFC 1952, 2.3). */
function writeHeader(member: Buffer, memberBytes: number): void {
  member.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x4c, 0x42, 4, 0])
  member.writeUInt32LE(memberBytes, 16)
}

/** Inflates gzip: our members in parallel, any other gzip as one stream. */
export async function* gunzipMembers(source: ByteSource): ByteSource {
  const reader = new ByteReader(source)
  try {
    const header = await reader.peek(headerBytes)
    if (header.byteLength === 0) throw damagedGzip('the gzip stream is empty')
    const length = memberLength(header)
    if (length === undefined) yield* inflateStream(reader.rest())
    else yield* orderedParallel(members(reader), codecWidth, inflateMember)
  } finally {
    await reader.close()
  }
}

async function* members(reader: ByteReader): AsyncIterable<Buffer> {
  for (;;) {
    const header = await reader.peek(headerBytes)
    if (header.byteLength === 0) return
    if (header[0] === 0) return assertZerosOnly(reader.rest())
    const length = memberLength(header)
    if (length === undefined) throw damagedGzip('a gzip member does not begin as it should')
    const bytes = await reader.take(length)
    if (bytes.byteLength < length) throw damagedGzip('the gzip stream is cut short')
    yield bytes
  }
}

async function assertZerosOnly(rest: ByteSource): Promise<void> {
  for await (const bytes of rest) assertZeros(bytes)
}

function memberLength(header: Buffer): number | undefined {
  if (header.byteLength < headerBytes || header.readUInt32BE(0) !== 0x1f8b0804) return undefined
  if (header.readUInt16LE(10) !== 8 || header.toString('latin1', 12, 14) !== 'LB') return undefined
  const length = header.readUInt32LE(16)
  return length > headerBytes && length <= maxMemberBytes ? length : undefined
}

async function inflateMember(bytes: Buffer): Promise<Buffer> {
  try {
    const plainBytes = bytes.readUInt32LE(bytes.byteLength - 4)
    return await gunzipAsync(bytes, {
      chunkSize: Math.min(Math.max(64, plainBytes + 1), maxPlainBytes),
      maxOutputLength: maxPlainBytes,
    })
  } catch (error) {
    throw damagedGzip('a gzip member does not inflate', error)
  }
}
