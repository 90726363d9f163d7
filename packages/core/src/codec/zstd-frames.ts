import * as zlib from 'node:zlib'
import { BackupError } from '../errors/backup-error.js'
import { BlockPool, inBlocks } from '../streams/blocks.js'
import { ByteReader } from '../streams/byte-reader.js'
import type { ByteSource } from '../streams/byte-source.js'
import { orderedParallel } from '../streams/ordered-parallel.js'
import { codecBlockBytes, codecWidth } from './codec.js'

/** zstd as Node has it since 22.15; the types of Node 20 do not know it. */
interface ZstdApi {
  zstdCompress(block: Buffer, options: object, done: (error: Error | null, result: Buffer) => void): void
  zstdDecompress(frame: Buffer, options: object, done: (error: Error | null, result: Buffer) => void): void
  constants: {
    ZSTD_c_compressionLevel: number
    ZSTD_c_contentSizeFlag: number
    ZSTD_c_checksumFlag: number
    ZSTD_d_windowLogMax: number
  }
}

const zstd = zlib as unknown as ZstdApi

/**
 * Before each frame lies a skippable frame with the frame's length, as `pzstd` writes it
 * (https://github.com/facebook/zstd/blob/dev/contrib/pzstd/README.md); stock zstd skips it.
 */
const skippableMagic = 0x184d2a50
const skippableBytes = 12
const maxFrameBytes = 8 * 2 ** 20
const maxPlainBytes = 8 * 2 ** 20

export function runtimeHasZstd(): boolean {
  return typeof zstd.zstdCompress === 'function'
}

/** Compresses to independent zstd frames, several at once on the thread pool. */
export async function* zstdCompressFrames(source: ByteSource, level: number): ByteSource {
  const params = {
    [zstd.constants.ZSTD_c_compressionLevel]: level,
    [zstd.constants.ZSTD_c_checksumFlag]: 1,
  }
  let some = false
  const pool = new BlockPool(codecBlockBytes)
  const frames = orderedParallel(inBlocks(source, codecBlockBytes, pool.take), codecWidth, async block => {
    const frame = await compressBlock(block, params)
    pool.give(block)
    return frame
  })
  for await (const frame of frames) {
    some = true
    yield frame
  }
  if (!some) yield await compressBlock(Buffer.alloc(0), params)
}

function compressBlock(block: Buffer, params: object): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zstd.zstdCompress(block, { params, chunkSize: Math.max(64, block.byteLength >> 1) }, (error, frame) => {
      if (error) {
        reject(error)
        return
      }
      const out = Buffer.allocUnsafeSlow(frame.byteLength + skippableBytes)
      out.writeUInt32LE(skippableMagic, 0)
      out.writeUInt32LE(4, 4)
      out.writeUInt32LE(frame.byteLength, 8)
      frame.copy(out, skippableBytes)
      resolve(out)
    })
  })
}

export async function* zstdDecompressFrames(source: ByteSource): ByteSource {
  const reader = new ByteReader(source)
  try {
    yield* orderedParallel(frames(reader), codecWidth, decompressFrame)
  } finally {
    await reader.close()
  }
}

async function* frames(reader: ByteReader): AsyncIterable<Buffer> {
  for (;;) {
    const header = await reader.take(skippableBytes)
    if (header.byteLength === 0) return
    const whole = header.byteLength === skippableBytes
    if (!whole || header.readUInt32LE(0) !== skippableMagic || header.readUInt32LE(4) !== 4) {
      throw damaged('a zstd frame does not begin as it should')
    }
    const length = header.readUInt32LE(8)
    if (length === 0 || length > maxFrameBytes) throw damaged(`a zstd frame claims ${length} bytes`)
    const frame = await reader.take(length)
    if (frame.byteLength < length) throw damaged('the zstd stream is cut short')
    yield frame
  }
}

/** A frame's header says how large a window its reader has to hold: 2^23, not the 2^27 that zstd would believe. */
function decompressFrame(frame: Buffer): Promise<Buffer> {
  const params = { [zstd.constants.ZSTD_d_windowLogMax]: 23 }
  return new Promise((resolve, reject) => {
    zstd.zstdDecompress(
      frame,
      { params, chunkSize: codecBlockBytes + 64, maxOutputLength: maxPlainBytes },
      (error, plain) => {
        if (error) reject(damaged('a zstd frame does not decompress', error))
        else resolve(plain)
      },
    )
  })
}

function damaged(why: string, cause?: unknown): BackupError {
  return new BackupError('object-damaged', why, {
    cause,
    hint: 'the stored object is damaged; use another backup or destination',
  })
}
