import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { fuzz } from '../../../testkit/src/fuzz.js'
import { ArchiveScanner } from '../archive/archive-scanner.js'
import { decompress } from '../codec/codec.js'
import { decrypt, encrypt } from '../encryption/open-pgp.js'
import type { Manifest } from '../repository/manifest.js'
import { type ByteSource, bytesOf } from '../streams/byte-source.js'
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

/** Objects that are small, and claim or unfold to more than memory holds. Each goes through the guard of `fuzz`. */
describe('a hostile object', () => {
  const archive = readFileSync(new URL('../archive/testdata/pg17.dump', import.meta.url))
  /** 64 MiB of zeros. */
  const stock = gzipSync(Buffer.alloc(64 * 2 ** 20))
  let keys: Keys
  let layers: Layers
  let manifest: Manifest

  beforeAll(async () => {
    keys = await makeKeys()
    layers = await wrap(archive, 'gzip', keys)
    manifest = await manifestOf(layers, 'gzip', keys)
  })

  it('that unfolds to two gigabytes is let go at the length its manifest states', async () => {
    const bomb = Buffer.concat(Array.from({ length: 32 }, () => stock))
    expect(bomb.length).toBeLessThan(4 * 2 ** 20)
    await fuzz(1, async () => {
      const stored = await seal(bomb, keys)
      // As a bundle of files: an archive that is none is let go even before.
      const artifacts = manifest.artifacts.map(one => ({ ...one, kind: 'files' as const, plainSha256: 'a'.repeat(64) }))
      const bundle = await over({ ...manifest, artifacts }, stored, keys)
      const { findings } = await verifyContent(bundle, stored, keys)
      expect(findings).toMatchObject([
        { code: 'artifact-damaged', message: expect.stringContaining('unfolds to more than') },
      ])
    })
  })

  it('that unfolds one of our own members to 64 MiB is refused', async () => {
    const member = Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x4c, 0x42, 4, 0, 0, 0, 0, 0]),
      stock.subarray(10),
    ])
    member.writeUInt32LE(member.length, 16)
    const { failed } = await fuzz(1, () => whole(decompress(bytesOf(member), 'gzip')))
    expect([...failed.keys()]).toEqual(['object-damaged'])
  })

  it('whose key takes a gigabyte to derive is not believed, nor one with a thousand keys', async () => {
    const passphrase = 'correct horse battery'
    const message = await whole(encrypt(bytesOf(layers.compressed), { kind: 'passphrase', passphrase }))
    // The session key packet of ours is followed by the protected data: tag 18, a partial length.
    const body = message.subarray(message.indexOf(Buffer.from([0xd2])))
    const argon = Buffer.from([4, 9, 4, ...Buffer.alloc(16, 7), 1, 1, 20, ...Buffer.alloc(33, 9)])
    const slow = Buffer.from([4, 9, 3, 10, ...Buffer.alloc(8, 7), 255, ...Buffer.alloc(33, 9)])
    const packet = (content: Buffer) => Buffer.from([0xc3, content.length, ...content])
    const unlock = { passphrase, privateKeys: [] }
    const one = await fuzz(1, () => whole(decrypt(bytesOf(packet(argon), body), unlock)))
    expect([...one.failed.keys()]).toEqual(['wrong-key'])
    const many = Array.from({ length: 1000 }, () => packet(slow))
    const thousand = await fuzz(1, () => whole(decrypt(bytesOf(...many, body), unlock)))
    expect([...thousand.failed.keys()]).toEqual(['object-damaged'])
  })

  it('that claims long texts, many entries or long chunks is refused before it is believed', async () => {
    const int = (value: number) =>
      Buffer.from([0, value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255])
    const front = (database: number, entries: number) =>
      Buffer.concat([
        Buffer.from('PGDMP'),
        Buffer.from([1, 16, 0, 4, 8, 1, 0]),
        ...Array.from({ length: 7 }, () => int(0)),
        ...[int(database), Buffer.alloc(Math.min(database, 100), 'x'), int(0), int(0), int(entries)],
      ])
    async function* claims(head: Buffer): ByteSource {
      yield head
      for (let n = 0; n < 1024; n++) yield Buffer.alloc(2 ** 20)
    }
    for (const head of [front(2 ** 31 - 1, 1), front(3, 2 ** 31 - 1), front(3, 1_000_000)]) {
      const { failed } = await fuzz(1, async () => {
        const scanner = new ArchiveScanner()
        for await (const chunk of claims(head)) scanner.push(chunk)
        scanner.finish()
      })
      expect([...failed.keys()]).toEqual(['archive-invalid'])
    }
  })
})
