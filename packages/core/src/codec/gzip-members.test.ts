import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { isBackupError } from '../errors/backup-error.js'
import { type ByteSource, bytesOf } from '../streams/byte-source.js'
import { gunzipMembers, gzipMembers } from './gzip-members.js'

const mebibyte = 2 ** 20
const compressible = (bytes: number) =>
  Buffer.from('one row of a table\t1\t\\N\n'.repeat(bytes / 24 + 1)).subarray(0, bytes)

async function joined(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* inChunks(bytes: Buffer, length: number): ByteSource {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
}

/** `whole` for the expected bytes, `other bytes` for others, or the code of the error that came instead. */
async function outcome(stored: Uint8Array, expected: Buffer): Promise<string> {
  try {
    const plain = await joined(gunzipMembers(bytesOf(stored)))
    return plain.equals(expected) ? 'whole' : 'other bytes'
  } catch (error) {
    if (isBackupError(error)) return error.code
    throw error
  }
}

function stockGunzip(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = execFile('gunzip', { encoding: 'buffer', maxBuffer: 2 ** 26 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    )
    child.stdin?.end(bytes)
  })
}

/** Starts of our members: they say how long they are. */
function starts(stored: Buffer): number[] {
  const found: number[] = []
  for (let at = 0; at < stored.byteLength; at += stored.readUInt32LE(at + 16)) found.push(at)
  return found
}

describe('gzip in members', { timeout: 60_000 }, () => {
  it.each([0, 1, mebibyte - 1, mebibyte, mebibyte + 1])('brings back %i bytes', async size => {
    for (const plain of [randomBytes(size), compressible(size)]) {
      for (const level of [1, 2]) {
        const stored = await joined(gzipMembers(bytesOf(plain), level))
        expect(await outcome(stored, plain)).toBe('whole')
        expect(gunzipSync(stored).equals(plain)).toBe(true)
      }
    }
  })

  it('brings back many members in their order, however the bytes are cut, and stock gunzip reads them', async () => {
    const plain = Buffer.concat([randomBytes(1.5 * mebibyte), compressible(2 * mebibyte)])
    for (const level of [1, 6]) {
      const stored = await joined(gzipMembers(inChunks(plain, 70_001), level))
      expect(starts(stored)).toHaveLength(4)
      for (const length of [999, 65_536, stored.byteLength]) {
        const again = await joined(gunzipMembers(inChunks(stored, length)))
        expect(again.equals(plain)).toBe(true)
      }
      expect((await stockGunzip(stored)).equals(plain)).toBe(true)
    }
  })

  it('reads the gzip of others: one stream, or streams behind each other, cut anywhere', async () => {
    const plain = compressible(200_000)
    const one = gzipSync(plain)
    const two = Buffer.concat([gzipSync(plain.subarray(0, 90_000)), gzipSync(plain.subarray(90_000))])
    for (const stored of [one, two]) {
      for (const length of [1, 100, stored.byteLength]) {
        const again = await joined(gunzipMembers(inChunks(stored, length)))
        expect(again.equals(plain)).toBe(true)
      }
    }
  })
})

describe('zeros behind the end', { timeout: 60_000 }, () => {
  const plain = compressible(100_000)

  it.each([1, 19, 20, 100, 70_000, 2 * mebibyte])('are passed over as gzip does: %i of them', async zeros => {
    const ours = await joined(gzipMembers(bytesOf(plain), 1))
    for (const stored of [ours, gzipSync(plain), gzipSync(plain, { level: 0 })]) {
      const padded = Buffer.concat([stored, Buffer.alloc(zeros)])
      // Also where a chunk ends with the stream, and where one begins within the zeros.
      for (const length of [padded.byteLength, stored.byteLength, stored.byteLength + 1, 65_536]) {
        const again = await joined(gunzipMembers(inChunks(padded, length)))
        expect([length, again.equals(plain)]).toEqual([length, true])
      }
    }
  })

  it('are damage where anything follows them, be it another stream, which gzip would not read', async () => {
    const ours = await joined(gzipMembers(bytesOf(plain), 1))
    for (const stored of [ours, gzipSync(plain)])
      for (const zeros of [1, 100, 70_000])
        for (const more of [Buffer.from('x'), gzipSync('another')]) {
          const padded = Buffer.concat([stored, Buffer.alloc(zeros), more])
          for (const length of [padded.byteLength, stored.byteLength, 1_000]) {
            const read = joined(gunzipMembers(inChunks(padded, length)))
            const code = await read.then(
              () => 'whole',
              error => error.code,
            )
            expect([zeros, length, code]).toEqual([zeros, length, 'object-damaged'])
          }
        }
  })
})

describe('gzip that is damaged', { timeout: 60_000 }, () => {
  const x = Buffer.from('x')
  const plain = Buffer.concat([compressible(mebibyte), randomBytes(30_000)])

  it('is found wherever it is cut; only between two members the rest must tell', async () => {
    const stored = await joined(gzipMembers(bytesOf(plain), 1))
    const [, second] = starts(stored)
    const points = [0, 1, 2, 10, 19, 20, 21, 500, second! - 1, second! + 1, second! + 19, second! + 20, second! + 999]
    for (const end of [...points, stored.byteLength - 8, stored.byteLength - 1])
      expect([end, await outcome(stored.subarray(0, end), plain)]).toEqual([end, 'object-damaged'])
    // RFC 1952 has no end of all members: the manifest's plain length is what notices this one (read-artifact.ts).
    expect(await outcome(stored.subarray(0, second), plain.subarray(0, mebibyte))).toBe('whole')
  })

  it('is found in a stream of others wherever it is cut', async () => {
    const stored = gzipSync(plain.subarray(-30_000))
    for (const end of [0, 1, 5, 18, 19, 20, 100, 15_000, stored.byteLength - 8, stored.byteLength - 1])
      expect([end, await outcome(stored.subarray(0, end), plain)]).toEqual([end, 'object-damaged'])
  })

  it('never gives other bytes for a flipped bit', async () => {
    const short = randomBytes(3_000)
    for (const stored of [await joined(gzipMembers(bytesOf(short), 1)), gzipSync(short)]) {
      let refused = 0
      for (let at = 0; at < stored.byteLength; at += at < 24 ? 1 : 37) {
        const flipped = Buffer.from(stored)
        flipped[at]! ^= 1 << (at % 8)
        const result = await outcome(flipped, short)
        // A flip of the time or the system in a header changes nothing that is read.
        expect([at, result]).toEqual([at, expect.stringMatching(/^(object-damaged|whole)$/)])
        if (result === 'object-damaged') refused++
      }
      expect(refused).toBeGreaterThan(70)
    }
  })

  it('is found when something lies behind its end', async () => {
    const ours = await joined(gzipMembers(bytesOf(x), 1))
    expect(await outcome(Buffer.concat([ours, Buffer.from('and more')]), x)).toBe('object-damaged')
    expect(await outcome(Buffer.concat([ours, gzipSync('another, not of ours')]), x)).toBe('object-damaged')
  })

  it('does not unfold a member to more than its bound', async () => {
    const bomb = gzipSync(Buffer.alloc(9 * mebibyte))
    const member = Buffer.alloc(bomb.byteLength + 10)
    bomb.copy(member, 20, 10)
    member.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x4c, 0x42, 4, 0])
    member.writeUInt32LE(member.byteLength, 16)
    expect(await outcome(member, x)).toBe('object-damaged')
  })

  it('does not believe a member that claims to be huge', async () => {
    const stored = await joined(gzipMembers(bytesOf(x), 1))
    stored.writeUInt32LE(2 ** 31, 16)
    // It is then read as the gzip of anyone; the claim is skipped like any extra field.
    expect(await outcome(stored, x)).toBe('whole')
  })
})

describe.each([
  ['gzipMembers, level 1', (source: ByteSource) => gzipMembers(source, 1), randomBytes(3 * mebibyte)],
  ['gzipMembers, level 2', (source: ByteSource) => gzipMembers(source, 2), randomBytes(3 * mebibyte)],
  ['gunzipMembers', gunzipMembers, gzipSync(randomBytes(3 * mebibyte), { level: 1 })],
  [
    'gunzipMembers behind the end of a stream',
    gunzipMembers,
    Buffer.concat([gzipSync('x'), Buffer.alloc(3 * mebibyte)]),
  ],
] as const)('%s', (_, stage, input) => {
  it('passes an error of its source on as it is', async () => {
    const error = Object.assign(new Error('the dump failed'), { code: 'ECONNRESET' })
    const source = (async function* () {
      yield input.subarray(0, 1.5 * mebibyte)
      throw error
    })()
    await expect(joined(stage(source))).rejects.toBe(error)
  })

  it('lets its source go when its reader leaves early', async () => {
    let released = false
    const source = (async function* () {
      try {
        for (;;) yield input
      } finally {
        released = true
      }
    })()
    for await (const _ of stage(source)) break
    expect(released).toBe(true)
  })
})
