import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import * as openpgp from 'openpgp'
import type { Manifest } from '../repository/manifest.js'
import { canonicalJson } from './canonical-json.js'

/** What a manifest is sealed with when a backup is made; undefined leaves it unsealed. */
export type Sealer =
  | { readonly kind: 'hmac'; readonly passphrase: string }
  | { readonly kind: 'signature'; readonly key: openpgp.PrivateKey }
  | undefined

/** What a seal is checked with. */
export interface SealKeys {
  /** How this product's manifests are sealed, where its configuration says so; another or no seal is wrong then. */
  readonly expected?: 'hmac' | 'signature' | undefined
  readonly passphrase?: string | undefined
  /** Public keys of those who may make backups. */
  readonly signers: readonly openpgp.PublicKey[]
}

/**
 * `sound`: a holder of the secret wrote this manifest as it is. `wrong`: somebody else did, or it was changed.
 * `unsealed`: it carries no seal. `unproven`: no key at hand can tell.
 */
export type SealVerdict = 'sound' | 'wrong' | 'unsealed' | 'unproven'

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt)

/** Deriving takes 32 MiB and about a tenth of a second: guessing a passphrase from a manifest must not be cheap. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 }

/** The manifest with its seal; `seal` of the one that is given is ignored. */
export function sealManifest(manifest: Manifest, sealer: Sealer): Promise<Manifest> {
  return prepareSeal(sealer)(manifest)
}

/** Begins at once with what takes long, so that a manifest that comes later is sealed without a wait. */
export function prepareSeal(sealer: Sealer): (manifest: Manifest) => Promise<Manifest> {
  if (sealer === undefined) return async manifest => ({ ...manifest, seal: null })
  if (sealer.kind === 'signature') return manifest => signed(manifest, sealer)
  const salt = randomBytes(16)
  const key = derive(sealer.passphrase, salt, 32, cost)
  // A failure is met where the key is needed.
  key.catch(() => {})
  return async manifest => {
    const value = hmac(sealedMessage(manifest), await key)
    return { ...manifest, seal: { kind: 'hmac', salt: salt.toString('hex'), value: value.toString('hex') } }
  }
}

async function signed(manifest: Manifest, sealer: Sealer & { readonly kind: 'signature' }): Promise<Manifest> {
  const signature = (await openpgp.sign({
    message: await openpgp.createMessage({ binary: sealedMessage(manifest) }),
    signingKeys: sealer.key,
    detached: true,
    format: 'binary',
  })) as Uint8Array
  const value = Buffer.from(signature).toString('base64')
  return { ...manifest, seal: { kind: 'signature', fingerprint: sealer.key.getFingerprint(), value } }
}

/** Whether the seal of a manifest, as it was read, is that of a holder of the secret. */
export async function checkSeal(manifest: Manifest, keys: SealKeys): Promise<SealVerdict> {
  const { seal } = manifest
  if (seal === null) return 'unsealed'
  if (keys.expected !== undefined && keys.expected !== seal.kind) return 'wrong'
  const message = sealedMessage(manifest)
  if (seal.kind === 'hmac') {
    if (keys.passphrase === undefined) return 'unproven'
    const expected = hmac(message, await derive(keys.passphrase, Buffer.from(seal.salt, 'hex'), 32, cost))
    const found = Buffer.from(seal.value, 'hex')
    return found.byteLength === expected.byteLength && timingSafeEqual(found, expected) ? 'sound' : 'wrong'
  }
  const signers = keys.signers.filter(key => key.getFingerprint() === seal.fingerprint)
  if (signers.length === 0) return keys.expected === undefined ? 'unproven' : 'wrong'
  try {
    const { signatures } = await openpgp.verify({
      message: await openpgp.createMessage({ binary: message }),
      signature: await openpgp.readSignature({ binarySignature: Buffer.from(seal.value, 'base64') }),
      verificationKeys: [...signers],
    })
    await signatures[0]?.verified
    return signatures.length > 0 ? 'sound' : 'wrong'
  } catch {
    // Whatever is wrong with a signature, it proves nothing.
    return 'wrong'
  }
}

function sealedMessage(manifest: Manifest): Buffer {
  return Buffer.from(`lifeboat seal 1\n${canonicalJson({ ...manifest, seal: null })}`)
}

function hmac(message: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(message).digest()
}
