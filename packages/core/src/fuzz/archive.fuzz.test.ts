import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { fuzz, mutateBytes, shareOf } from '../../../testkit/src/fuzz.js'
import { ArchiveScanner } from '../archive/archive-scanner.js'
import { type CodecName, compress, decompress } from '../codec/codec.js'
import { runtimeHasZstd } from '../codec/zstd-frames.js'
import { decrypt } from '../encryption/open-pgp.js'
import type { Manifest } from '../repository/manifest.js'
import { bytesOf } from '../streams/byte-source.js'
import {
  type Keys,
  type Layers,
  makeKeys,
  manifestOf,
  over,
  seal,
  verifyContent,
  whole,
  wrap,
} from './sealed-backup.js'

const archives = [15, 17, 18].map(major =>
  readFileSync(new URL(`../archive/testdata/pg${major}.dump`, import.meta.url)),
)
const codecs: CodecName[] = runtimeHasZstd() ? ['gzip', 'zstd', 'none'] : ['gzip', 'none']

describe('a mutated archive', () => {
  it('is read to its end, or refused for a reason', async () => {
    const { failed } = await fuzz(shareOf(0.25), draw => {
      const bytes = mutateBytes(draw.oneOf(archives), draw)
      const scanner = new ArchiveScanner({ rows: () => {}, reframed: () => {} })
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + draw.below(draw.oneOf([7, 500, 100_000]))
        scanner.push(bytes.subarray(at, at + size))
        at += size
      }
      scanner.finish()
    })
    expect([...failed.keys()].sort()).toEqual(['archive-invalid', 'archive-truncated'])
  })
})

describe('a mutated artifact', () => {
  let keys: Keys
  const backups: { readonly codec: CodecName; readonly layers: Layers; readonly manifest: Manifest }[] = []

  beforeAll(async () => {
    keys = await makeKeys()
    for (const [index, plain] of archives.entries()) {
      const codec = codecs[index % codecs.length]!
      const layers = await wrap(plain, codec, keys)
      backups.push({ codec, layers, manifest: await manifestOf(layers, codec, keys) })
    }
  })

  it('is made of backups that verify clean', async () => {
    for (const { manifest, layers } of backups)
      expect(await verifyContent(manifest, layers.stored, keys)).toMatchObject({ ok: true, findings: [] })
  })

  it('is decrypted and unpacked to its end, or refused for a reason', async () => {
    await fuzz(shareOf(0.1), async draw => {
      const { codec, layers } = draw.oneOf(backups)
      const bytes = mutateBytes(layers.stored, draw)
      await whole(decompress(decrypt(bytesOf(bytes), keys.unlock), codec))
    })
    await fuzz(shareOf(0.1), async draw => {
      const { codec, layers } = draw.oneOf(backups)
      await whole(decompress(bytesOf(mutateBytes(layers.compressed, draw)), codec))
    })
  })

  it('never verifies, whatever byte of what is stored was changed', async () => {
    const { failed } = await fuzz(shareOf(0.1), async draw => {
      const { manifest, layers } = draw.oneOf(backups)
      const report = await verifyContent(manifest, mutateBytes(layers.stored, draw), keys)
      if (report.ok) throw new Error('it verified')
    })
    expect([...failed]).toEqual([])
  })

  it('never verifies where it was compressed or encrypted anew around other content, by a holder of every key', async () => {
    await fuzz(shareOf(0.15), async draw => {
      const { codec, layers, manifest } = draw.oneOf(backups)
      const inPlain = draw.below(2) === 0
      const plain = mutateBytes(layers.plain, draw)
      const compressed = inPlain
        ? await whole(compress(bytesOf(plain), { codec, level: 1 }))
        : mutateBytes(layers.compressed, draw)
      const stored = await seal(compressed, keys)
      const report = await verifyContent(await over(manifest, stored, keys), stored, keys)
      if (!report.ok) return
      // Another packing of the same bytes is no other content.
      const unpacked = await whole(decompress(bytesOf(compressed), codec))
      if (!unpacked.equals(layers.plain)) throw new Error('it verified with other content')
    })
  })
})
