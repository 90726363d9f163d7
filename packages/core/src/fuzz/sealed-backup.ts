import { createHash } from 'node:crypto'
import * as openpgp from 'openpgp'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import type { VerificationReport } from '../api/verification.js'
import { type Scan, scanned } from '../archive/scan-stage.js'
import { type CodecName, compress } from '../codec/codec.js'
import { encrypt, generateKeyPair, type Unlock } from '../encryption/open-pgp.js'
import type { Manifest } from '../repository/manifest.js'
import { type SealKeys, sealManifest } from '../seal/manifest-seal.js'
import { memoryStore } from '../store/memory-store.js'
import { type ByteSource, bytesOf, readWhole } from '../streams/byte-source.js'
import { runVerify } from '../verify/run-verify.js'

const limitBytes = 2 ** 28
const id = '20261121T020000Z-7f3k9q'

/** Keys to make and to judge backups with; signatures, because a passphrase is slow on purpose. */
export interface Keys {
  readonly recipient: openpgp.PublicKey
  readonly signer: openpgp.PrivateKey
  readonly unlock: Unlock
  readonly seal: SealKeys
}

export async function makeKeys(): Promise<Keys> {
  const [reader, writer] = await Promise.all(
    ['reader', 'writer'].map(async name => {
      const { privateKey } = await generateKeyPair({ name })
      return openpgp.readPrivateKey({ armoredKey: privateKey })
    }),
  )
  return {
    recipient: reader!.toPublic(),
    signer: writer!,
    unlock: { privateKeys: [reader!], passphrase: undefined },
    seal: { expected: 'signature', signers: [writer!.toPublic()] },
  }
}

/** What a holder of the keys would store: the layers of one artifact, from the inside out. */
export interface Layers {
  readonly plain: Buffer
  readonly compressed: Buffer
  readonly stored: Buffer
}

export async function wrap(plain: Buffer, codec: CodecName, keys: Keys): Promise<Layers> {
  const compressed = await whole(compress(bytesOf(plain), { codec, level: 1 }))
  return { plain, compressed, stored: await seal(compressed, keys) }
}

export function seal(compressed: Buffer, keys: Keys): Promise<Buffer> {
  return whole(encrypt(bytesOf(compressed), { kind: 'recipients', keys: [keys.recipient] }))
}

/** The manifest that a backup of this archive has: what a scan found, and hashes as `composeManifest` chooses them. */
export async function manifestOf({ plain, stored }: Layers, codec: CodecName, keys: Keys): Promise<Manifest> {
  let scan: Scan | undefined
  await whole(
    scanned(bytesOf(plain), done => {
      scan = done
    }),
  )
  const { summary } = scan!
  const sample = sampleManifest(id)
  return sealManifest(
    {
      ...sample,
      artifacts: [
        {
          ...sample.artifacts[0]!,
          ...recorded(stored),
          ...{ plainBytes: plain.length, plainSha256: undefined, frameSha256: summary.frameSha256 ?? undefined, codec },
          encryption: { kind: 'recipients', fingerprints: [keys.recipient.getFingerprint()] },
        },
      ],
      tables: summary.tables!.map(table => ({ ...table })),
      largeObjects: summary.largeObjects,
    },
    { kind: 'signature', key: keys.signer },
  )
}

/** The same manifest over another stored object, sealed by its author: then only what lies deeper tells. */
export function over(manifest: Manifest, stored: Buffer, keys: Keys): Promise<Manifest> {
  const artifacts = manifest.artifacts.map(artifact => ({ ...artifact, ...recorded(stored) }))
  return sealManifest({ ...manifest, artifacts }, { kind: 'signature', key: keys.signer })
}

function recorded(stored: Buffer) {
  return { storedBytes: stored.length, storedSha256: createHash('sha256').update(stored).digest('hex') }
}

/** A verification at `content`, as any reader makes it. */
export async function verifyContent(manifest: Manifest, stored: Buffer, keys: Keys): Promise<VerificationReport> {
  const store = memoryStore()
  await store.put(manifest.artifacts[0]!.key, bytesOf(stored))
  return runVerify(
    {
      backup: { store, destination: 'local', folder: `${manifest.product}/${manifest.id}/`, manifest },
      level: 'content',
      unlock: async () => keys.unlock,
      sealKeys: async () => keys.seal,
      verify: undefined,
      configured: false,
      rpoMs: undefined,
      now: () => new Date(),
    },
    {},
  )
}

export function whole(source: ByteSource): Promise<Buffer> {
  return readWhole(source, limitBytes)
}
