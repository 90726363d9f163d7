import * as openpgp from 'openpgp'
import { BackupError } from '../errors/backup-error.js'

/** What opens artifacts. */
export interface Unlock {
  readonly passphrase?: string | undefined
  readonly privateKeys: readonly openpgp.PrivateKey[]
}

/** The front of an encrypted message. */
export interface MessageFront {
  /** The packets that hold the session key, one for each recipient or passphrase. */
  readonly sessionKeyPackets: Buffer
  /** Version of the protected data packet behind them. */
  readonly version: number
  /** The first encrypted bytes of its body. */
  readonly firstBytes: Buffer
}

/** A version byte, a prefix of 18 bytes, an empty literal packet, a modification detection code (RFC 4880, 5.13). */
const shortestBody = 1 + 18 + 8 + 22

/** How much of a message is read to find its session keys. */
export const maxFrontBytes = 65_536

/**
 * The most that session keys may take in a message that is written: some hundred bytes for each recipient. The first
 * bytes of what they protect have to lie within {@link maxFrontBytes}, too.
 */
export const maxSessionKeyBytes = maxFrontBytes - 128

/** The most passphrases that a message may be encrypted to, to be read here. */
const maxPassphrases = 16

/**
 * A packet says how much memory deriving its key takes (Argon2, RFC 9580, 3.7.1.4): up to 2 TiB, if it is believed.
 * Neither gpg 2.2 nor we write such packets; 2^16 KiB leaves room for those who do.
 */
const config: openpgp.PartialConfig = { maxArgon2MemoryExponent: 16 }

/** Finds where the session key packets end and the protected data begins; undefined when it is no such message. */
export function readFront(bytes: Buffer): MessageFront | undefined {
  let at = 0
  for (;;) {
    const head = bytes[at]
    if (head === undefined || (head & 0x80) === 0) return undefined
    const modern = (head & 0x40) !== 0
    const tag = modern ? head & 0x3f : (head >> 2) & 0x0f
    if (tag === openpgp.enums.packet.symEncryptedIntegrityProtectedData) {
      const first = bytes[at + 1] ?? 0
      const lengthBytes = first < 192 || (first >= 224 && first < 255) ? 1 : first === 255 ? 5 : 2
      const body = at + 1 + lengthBytes
      // No message is shorter than its prefix and what follows it: this one is cut, which says nothing about the key.
      if (!modern || body + shortestBody > bytes.byteLength) return undefined
      return {
        sessionKeyPackets: bytes.subarray(0, at),
        version: bytes[body]!,
        firstBytes: bytes.subarray(body + 1, body + 65),
      }
    }
    if (tag !== 1 && tag !== 3) return undefined
    const length = packetLength(bytes, at, modern)
    if (length === undefined) return undefined
    at += length
  }
}

/** Header and body of a packet, in either of the two formats of RFC 4880, 4.2; undefined when its end is not told. */
function packetLength(bytes: Buffer, at: number, modern: boolean): number | undefined {
  const first = bytes[at + 1] ?? 0
  const oldSize = [1, 2, 4, 0][bytes[at]! & 3]!
  const size = modern ? (first < 192 ? 1 : first < 224 ? 2 : first === 255 ? 5 : 0) : oldSize
  if (size === 0 || at + 1 + size > bytes.byteLength) return undefined
  if (!modern) return 1 + size + bytes.readUIntBE(at + 1, size)
  const body =
    size === 1 ? first : size === 2 ? ((first - 192) << 8) + bytes[at + 2]! + 192 : bytes.readUInt32BE(at + 2)
  return 1 + size + body
}

/**
 * Opens the session keys of a message: one to recipients with a private key, one to a passphrase with the passphrase.
 * @throws BackupError `key-missing`, `wrong-key`, `object-damaged`
 */
export async function openSessionKeys(front: MessageFront, unlock: Unlock): Promise<openpgp.DecryptedSessionKey[]> {
  let message: openpgp.Message<Uint8Array>
  try {
    message = await openpgp.readMessage({ binaryMessage: new Uint8Array(front.sessionKeyPackets) })
  } catch (error) {
    throw damaged(error)
  }
  const { symEncryptedSessionKey, publicKeyEncryptedSessionKey } = openpgp.enums.packet
  const forPassphrase = message.packets.filterByTag(symEncryptedSessionKey).length > 0
  const forKeys = message.packets.filterByTag(publicKeyEncryptedSessionKey).length > 0
  if (!forPassphrase && !forKeys) throw damaged()
  // Each costs a derivation that its own count makes slow; gpg writes one for each passphrase, and nobody has so many.
  if (message.packets.filterByTag(symEncryptedSessionKey).length > maxPassphrases) throw damaged()
  const ways: { passwords?: string; decryptionKeys?: openpgp.PrivateKey[] }[] = []
  if (forKeys && unlock.privateKeys.length > 0) ways.push({ decryptionKeys: [...unlock.privateKeys] })
  if (forPassphrase && unlock.passphrase !== undefined) ways.push({ passwords: unlock.passphrase })
  if (ways.length === 0) throw noKey(forKeys ? 'it is encrypted to public keys' : 'it is encrypted with a passphrase')
  let failed: unknown
  for (const way of ways) {
    try {
      return await openpgp.decryptSessionKeys({ message, ...way, config })
    } catch (error) {
      failed = error
    }
  }
  throw wrongKey(failed)
}

export function wrongKey(cause?: unknown): BackupError {
  return new BackupError('wrong-key', 'the key does not open this backup', {
    cause,
    hint: 'give the passphrase or the private key of one of the recipients that `lifeboat show` names',
  })
}

export function damaged(cause?: unknown): BackupError {
  return new BackupError('object-damaged', 'the encrypted object is damaged or cut short', {
    cause,
    hint: 'use another backup or destination',
  })
}

export function noKey(why?: string): BackupError {
  return new BackupError('key-missing', `no key to open this backup with${why === undefined ? '' : `: ${why}`}`, {
    hint: 'set encryption.privateKey or encryption.passphrase in the configuration, or LIFEBOAT_PRIVATE_KEY / LIFEBOAT_PASSPHRASE in the environment',
  })
}
