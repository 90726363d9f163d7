import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { BackupError } from '../errors/backup-error.js'
import { inBlocks } from '../streams/blocks.js'
import type { ByteReader } from '../streams/byte-reader.js'
import type { ByteSource } from '../streams/byte-source.js'

/*
 * The bulk of an OpenPGP message: one Symmetrically Encrypted Integrity Protected Data packet, version 1 (RFC 4880,
 * 5.13), around one literal data packet. Session keys stay with OpenPGP.js; this is here because the library's web
 * streams cost more processor time than the cipher itself (docs/decisions/0007-own-bulk-encryption.md).
 */

/** A body of unknown length is written in parts of this size, each a power of two (RFC 4880, 4.2.2.4). */
const partBytes = 2 ** 18
const partialPart = 224 + 18
const tagProtectedData = 0xc0 | 18
const tagLiteral = 0xc0 | 11
const tagMdc = Buffer.from([0xc0 | 19, 20])
const aesBlockBytes = 16
const prefixBytes = aesBlockBytes + 2
const mdcBytes = 22
/** A literal packet's head: binary, no file name, no date. */
const literalHead = Buffer.from([0x62, 0, 0, 0, 0, 0])

/** Encrypts under an AES-256 session key. */
export async function* protect(source: ByteSource, sessionKey: Uint8Array): ByteSource {
  const cipher = createCipheriv('aes-256-cfb', sessionKey, Buffer.alloc(aesBlockBytes))
  const hash = createHash('sha1')
  const encrypted = (async function* () {
    const random = randomBytes(aesBlockBytes)
    const prefix = Buffer.concat([random, random.subarray(-2)])
    hash.update(prefix)
    yield cipher.update(prefix)
    for await (const piece of packet(tagLiteral, copied(withHead(source)))) {
      hash.update(piece)
      yield cipher.update(piece)
    }
    hash.update(tagMdc)
    yield cipher.update(Buffer.concat([tagMdc, hash.digest()]))
  })()
  yield* packet(
    tagProtectedData,
    // What a cipher gives is nobody else's: it can be kept until a part is full, and need not be copied.
    inRuns(
      (async function* () {
        yield Buffer.from([1])
        yield* encrypted
      })(),
    ),
  )
}

async function* withHead(source: ByteSource): ByteSource {
  yield literalHead
  yield* source
}

/** Bytes that lie in one place or several; all runs of a body but the last are of {@link partBytes}. */
interface Run {
  readonly bytes: number
  readonly pieces: readonly Uint8Array[]
}

/** Cuts a body into runs, copying it into one buffer: each run is used up before the next is asked for. */
async function* copied(body: ByteSource): AsyncIterable<Run> {
  const block = Buffer.allocUnsafeSlow(partBytes)
  for await (const bytes of inBlocks(body, partBytes, () => block)) yield { bytes: bytes.byteLength, pieces: [bytes] }
}

/** Cuts a body into runs where its chunks lie: they must stay as they are until their run is used up. */
async function* inRuns(body: ByteSource): AsyncIterable<Run> {
  let pieces: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    let rest = chunk
    while (bytes + rest.byteLength >= partBytes) {
      const take = partBytes - bytes
      yield { bytes: partBytes, pieces: [...pieces, rest.subarray(0, take)] }
      rest = rest.subarray(take)
      pieces = []
      bytes = 0
    }
    if (rest.byteLength === 0) continue
    pieces.push(rest)
    bytes += rest.byteLength
  }
  if (bytes > 0) yield { bytes, pieces }
}

/** Frames a body as one packet: parts while it is long, then the rest with its length. */
async function* packet(tag: number, body: AsyncIterable<Run>): ByteSource {
  let first = true
  let last: Run = { bytes: 0, pieces: [] }
  for await (const run of body) {
    if (run.bytes < partBytes) {
      last = run
      break
    }
    yield Buffer.from(first ? [tag, partialPart] : [partialPart])
    yield* run.pieces
    first = false
  }
  const length = Buffer.from([255, 0, 0, 0, 0])
  length.writeUInt32BE(last.bytes, 1)
  yield first ? Buffer.concat([Buffer.from([tag]), length]) : length
  yield* last.pieces
}

/**
 * Whether the bytes at the front of a protected data packet decrypt, under a session key, to the shape that
 * {@link unprotect} reads. `undefined`: the key is wrong. `false`: another shape, such as compressed data.
 */
export function peekProtected(firstBytes: Uint8Array, sessionKey: Uint8Array): boolean | undefined {
  const decipher = createDecipheriv('aes-256-cfb', sessionKey, Buffer.alloc(aesBlockBytes))
  const plain = decipher.update(firstBytes)
  if (plain.byteLength < prefixBytes + 1) return undefined
  if (plain[14] !== plain[16] || plain[15] !== plain[17]) return undefined
  return plain[prefixBytes] === tagLiteral
}

/**
 * Decrypts the rest of a message whose reader stands at a protected data packet. The regular end means that the
 * modification detection code was right and that nothing follows.
 * @throws BackupError `object-damaged`
 */
export async function* unprotect(reader: ByteReader, sessionKey: Uint8Array): ByteSource {
  const decipher = createDecipheriv('aes-256-cfb', sessionKey, Buffer.alloc(aesBlockBytes))
  const hash = createHash('sha1')
  const plain = new PlainPackets()
  let version = true
  for await (const chunk of packetBody(reader, tagProtectedData)) {
    const encrypted = version ? chunk.subarray(1) : chunk
    version = false
    const clear = decipher.update(encrypted)
    const upTo = plain.push(clear)
    for (const held of upTo.hashed) hash.update(held)
    yield* upTo.literal
  }
  if ((await reader.peek(1)).byteLength > 0) throw damaged('bytes follow its end')
  const mdc = plain.finish()
  if (mdc === undefined || !mdc.subarray(0, 2).equals(tagMdc)) throw damaged('it is cut short')
  hash.update(tagMdc)
  if (!timingSafeEqual(hash.digest(), mdc.subarray(2))) throw damaged('its integrity check fails')
}

/** The body of the packet at which a reader stands, its framing taken off. */
async function* packetBody(reader: ByteReader, tag: number): AsyncIterable<Buffer> {
  const head = await reader.take(1)
  if (head[0] !== tag) throw damaged('a packet is not where it belongs')
  for (;;) {
    const length = await takeLength(reader)
    let left = length.bytes
    while (left > 0) {
      const chunk = await reader.take(Math.min(left, partBytes))
      if (chunk.byteLength === 0) throw damaged('it is cut short')
      left -= chunk.byteLength
      yield chunk
    }
    if (!length.partial) return
  }
}

async function takeLength(reader: ByteReader): Promise<{ readonly bytes: number; readonly partial: boolean }> {
  const first = (await reader.take(1))[0]
  if (first === undefined) throw damaged('it is cut short')
  if (first < 192) return { bytes: first, partial: false }
  if (first >= 224 && first < 255) return { bytes: 2 ** (first & 31), partial: true }
  const rest = await reader.take(first < 224 ? 1 : 4)
  if (rest.byteLength < (first < 224 ? 1 : 4)) throw damaged('it is cut short')
  return { bytes: first < 224 ? ((first - 192) << 8) + rest[0]! + 192 : rest.readUInt32BE(0), partial: false }
}

type Expecting = 'prefix' | 'tag' | 'length' | 'head' | 'body' | 'mdc'

/** Takes the decrypted bytes apart: prefix, one literal packet, the modification detection code. */
class PlainPackets {
  #expecting: Expecting = 'prefix'
  #held: Buffer = Buffer.alloc(0)
  #left = 0
  #partial = false
  #sawHead = false

  /** What of the new bytes the integrity hash covers, and what of them is literal data. */
  push(clear: Buffer): { readonly hashed: Buffer[]; readonly literal: Buffer[] } {
    const bytes = this.#held.byteLength === 0 ? clear : Buffer.concat([this.#held, clear])
    const literal: Buffer[] = []
    let at = 0
    let covered = 0
    const has = (count: number) => bytes.byteLength - at >= count
    parse: for (;;) {
      switch (this.#expecting) {
        case 'prefix':
          if (!has(prefixBytes)) break parse
          at += prefixBytes
          this.#expecting = 'tag'
          break
        case 'tag':
          if (!has(1)) break parse
          if (bytes[at] !== tagLiteral) throw damaged('it does not hold what it should')
          at += 1
          this.#expecting = 'length'
          break
        case 'length': {
          const first = bytes[at]
          const size =
            first === undefined ? 1 : first < 192 || (first >= 224 && first < 255) ? 1 : first === 255 ? 5 : 2
          if (!has(size)) break parse
          this.#partial = first! >= 224 && first! < 255
          this.#left = this.#partial
            ? 2 ** (first! & 31)
            : size === 1
              ? first!
              : size === 5
                ? bytes.readUInt32BE(at + 1)
                : ((first! - 192) << 8) + bytes[at + 1]! + 192
          at += size
          this.#expecting = this.#sawHead ? 'body' : 'head'
          break
        }
        case 'head': {
          if (!has(2)) break parse
          const size = 6 + bytes[at + 1]!
          if (!has(size)) break parse
          if (this.#left < size) throw damaged('its literal packet is too short')
          at += size
          this.#left -= size
          this.#sawHead = true
          this.#expecting = 'body'
          break
        }
        case 'body': {
          if (this.#left === 0) {
            this.#expecting = this.#partial ? 'length' : 'mdc'
            break
          }
          if (!has(1)) break parse
          const take = Math.min(this.#left, bytes.byteLength - at)
          literal.push(bytes.subarray(at, at + take))
          at += take
          this.#left -= take
          break
        }
        case 'mdc':
          break parse
      }
    }
    covered = at
    this.#held = bytes.subarray(at)
    if (this.#expecting === 'mdc' && this.#held.byteLength > mdcBytes) throw damaged('bytes follow its integrity check')
    return { hashed: covered > 0 ? [bytes.subarray(0, covered)] : [], literal }
  }

  /** The 22 bytes of the modification detection code; undefined when the data ended before. */
  finish(): Buffer | undefined {
    return this.#expecting === 'mdc' && this.#held.byteLength === mdcBytes ? this.#held : undefined
  }
}

function damaged(why: string): BackupError {
  return new BackupError('object-damaged', `the encrypted object is damaged: ${why}`, {
    hint: 'use another backup or destination',
  })
}
