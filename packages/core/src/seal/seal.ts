import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import * as openpgp from 'openpgp'
import { z } from 'zod'

/** Proof of authorship over a text, as it is written into a manifest or a record. */
export const sealSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('hmac'),
    salt: z.string().regex(/^[0-9a-f]{32}$/),
    value: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  z.object({ kind: z.literal('signature'), fingerprint: z.string(), value: z.base64() }),
])
export type Seal = z.infer<typeof sealSchema>

/** What something is sealed with; undefined leaves it unsealed. */
export type Sealer =
  | { readonly kind: 'hmac'; readonly passphrase: string }
  | { readonly kind: 'signature'; readonly key: openpgp.PrivateKey }
  | undefined

/** What a seal is checked with. */
export interface SealKeys {
  /** How it must be sealed, where that is known; another or no seal is wrong then. */
  readonly expected?: 'hmac' | 'signature' | undefined
  readonly passphrase?: string | undefined
  /** Public keys of those whose seals count. */
  readonly signers: readonly openpgp.PublicKey[]
}

/**
 * `sound`: a holder of the secret wrote this as it is. `wrong`: somebody else did, or it was changed.
 * `unsealed`: it carries no seal. `unproven`: no key at hand can tell.
 */
export type SealVerdict = 'sound' | 'wrong' | 'unsealed' | 'unproven'

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt)
/** Deriving takes 32 MiB and about a tenth of a second: guessing a passphrase from a seal must not be cheap. */
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 }

/** The key of a seal: derived from a passphrase and a salt. */
export type DeriveKey = (passphrase: string, salt: Buffer) => Promise<Buffer>
const deriveKey: DeriveKey = (passphrase, salt) => derive(passphrase, salt, 32, cost)

/**
 * Remembers the last key, for many seals under one salt. Another salt is derived anew: a store full of made-up salts
 * costs time and no memory.
 */
export function rememberingKey(): DeriveKey {
  let last: { readonly passphrase: string; readonly salt: Buffer; readonly key: Promise<Buffer> } | undefined
  return (passphrase, salt) => {
    if (last === undefined || last.passphrase !== passphrase || !last.salt.equals(salt))
      last = { passphrase, salt, key: deriveKey(passphrase, salt) }
    return last.key
  }
}

/**
 * Seals a message that comes later: begins at once with what takes long.
 * @param salt of an HMAC; random by default
 */
export function prepareToSeal(
  sealer: NonNullable<Sealer>,
  salt: Buffer = randomBytes(16),
): (message: Buffer) => Promise<Seal> {
  if (sealer.kind === 'signature') return message => sign(message, sealer.key)
  const key = deriveKey(sealer.passphrase, salt)
  // A failure is met where the key is needed.
  key.catch(() => {})
  return async message => ({
    kind: 'hmac',
    salt: salt.toString('hex'),
    value: hmac(message, await key).toString('hex'),
  })
}

async function sign(message: Buffer, key: openpgp.PrivateKey): Promise<Seal> {
  const signature = (await openpgp.sign({
    message: await openpgp.createMessage({ binary: message }),
    signingKeys: key,
    detached: true,
    format: 'binary',
  })) as Uint8Array
  return {
    kind: 'signature',
    fingerprint: key.getFingerprint(),
    value: Buffer.from(signature).toString('base64'),
  }
}

/** Whether a seal over a message is that of a holder of the secret. */
export async function judgeSeal(
  message: Buffer,
  seal: Seal | null,
  keys: SealKeys,
  keyOf: DeriveKey = deriveKey,
): Promise<SealVerdict> {
  if (seal === null) return 'unsealed'
  if (keys.expected !== undefined && keys.expected !== seal.kind) return 'wrong'
  if (seal.kind === 'hmac') {
    if (keys.passphrase === undefined) return 'unproven'
    const expected = hmac(message, await keyOf(keys.passphrase, Buffer.from(seal.salt, 'hex')))
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

function hmac(message: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(message).digest()
}
