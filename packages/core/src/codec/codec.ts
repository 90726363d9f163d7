import { BackupError } from '../errors/backup-error.js'
import { inBlocks } from '../streams/blocks.js'
import type { ByteSource } from '../streams/byte-source.js'
import { gunzipMembers, gzipMembers } from './gzip-members.js'
import { runtimeHasZstd, zstdCompressFrames, zstdDecompressFrames } from './zstd-frames.js'

export type CodecName = 'gzip' | 'zstd' | 'none'

/** A block of plain bytes that becomes one member (gzip) or frame (zstd): 1 MiB. */
export const codecBlockBytes = 2 ** 20

/** Of the pieces that what is not compressed is handed on in. */
const uncompressedBytes = 2 ** 18

/** Members in flight on libuv's thread pool, whose default size is four. */
export const codecWidth = 4

/**
 * Compresses what a source gives, whose chunks need only be valid until the next is asked for; those that come out stay.
 * @throws BackupError `codec-unavailable` where the runtime has no zstd
 */
export function compress(
  source: ByteSource,
  options: { readonly codec: CodecName; readonly level: number },
): ByteSource {
  if (options.codec === 'none') return inBlocks(source, uncompressedBytes)
  if (options.codec === 'gzip') return gzipMembers(source, Math.min(options.level, 9))
  assertZstd()
  return zstdCompressFrames(source, options.level)
}

/** @throws BackupError `codec-unavailable`, and `object-damaged` while reading */
export function decompress(source: ByteSource, codec: CodecName): ByteSource {
  if (codec === 'none') return source
  if (codec === 'gzip') return gunzipMembers(source)
  assertZstd()
  return zstdDecompressFrames(source)
}

export function assertZstd(): void {
  if (runtimeHasZstd()) return
  throw new BackupError('codec-unavailable', `zstd needs Node 22.15 or newer, this is ${process.version}`, {
    hint: "run on a newer Node, or set compression: { codec: 'gzip' }",
  })
}
