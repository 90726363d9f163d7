import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as openpgp from 'openpgp'
import { BackupError, isBackupError } from '../errors/backup-error.js'
import { ByteReader } from '../streams/byte-reader.js'
import type { ByteSource } from '../streams/byte-source.js'
import { fromWebStream, toWebStream } from '../streams/web-streams.js'
import { peekProtected, protect, unprotect } from './integrity-protected-data.js'
import {
  damaged,
  maxFrontBytes,
  maxSessionKeyBytes,
  noKey,
  openSessionKeys,
  readFront,
  type Unlock,
  wrongKey,
} from './session-keys.js'

export type { Unlock } from './session-keys.js'

/** To whom an artifact is encrypted. */
export type Lock =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'recipients'; readonly keys: readonly openpgp.PublicKey[] }

/** Stock gpg 2.2 must read it: integrity-protected data (SEIPD v1), AES-256, no inner compression, no AEAD. */
const config: openpgp.PartialConfig = {
  aeadProtect: false,
  preferredSymmetricAlgorithm: openpgp.enums.symmetric.aes256,
  preferredCompressionAlgorithm: openpgp.enums.compression.uncompressed,
  s2kType: openpgp.enums.s2k.iterated,
  // The MDC is checked at the end of the stream. Verify judges only then; a restore works before, and is undone or
  // reported as incomplete when the check fails.
  allowUnauthenticatedStream: true,
  showVersion: false,
  showComment: false,
}

/** Encrypts a stream to public keys or a passphrase. @throws BackupError `encryption-failed` */
export async function* encrypt(source: ByteSource, lock: Lock): ByteSource {
  const { head, sessionKey } = await beginMessage(lock)
  yield head
  yield* protect(source, sessionKey)
}

/**
 * A new session key, and the packets that tell it to those who may read.
 * @throws BackupError `encryption-failed`, `config-invalid` for more recipients than can be read back
 */
export async function beginMessage(
  lock: Lock,
): Promise<{ readonly head: Uint8Array; readonly sessionKey: Uint8Array }> {
  const to = lock.kind === 'passphrase' ? { passwords: lock.passphrase } : { encryptionKeys: [...lock.keys] }
  const sessionKey = randomBytes(32)
  let head: Uint8Array
  try {
    head = (await openpgp.encryptSessionKey({
      data: sessionKey,
      algorithm: 'aes256',
      ...to,
      format: 'binary',
      config,
    })) as Uint8Array
  } catch (error) {
    throw new BackupError('encryption-failed', `could not encrypt: ${said(error)}`, {
      cause: error,
      hint: 'check the recipients: `lifeboat doctor`',
    })
  }
  if (lock.kind === 'recipients' && head.byteLength > maxSessionKeyBytes)
    throw new BackupError(
      'config-invalid',
      `encryption.recipients: ${lock.keys.length} are too many; their session keys take ${head.byteLength} bytes of each message, and no more than ${maxSessionKeyBytes} can be read back`,
      { hint: 'name fewer recipients, or share one key; a Curve25519 key takes 96 bytes, one of RSA-4096 about 530' },
    )
  return { head, sessionKey }
}

/**
 * Decrypts a stream. Its regular end means that the integrity check passed; what came before is provisional.
 * @throws BackupError `wrong-key`, `key-missing`, `object-damaged`
 */
export async function* decrypt(source: ByteSource, unlock: Unlock): ByteSource {
  if (unlock.passphrase === undefined && unlock.privateKeys.length === 0) throw noKey()
  const reader = new ByteReader(source)
  try {
    const front = readFront(await reader.peek(maxFrontBytes))
    if (front === undefined) throw damaged()
    const sessionKeys = await openSessionKeys(front, unlock)
    const shapes = sessionKeys.map(one =>
      one.algorithm === 'aes256' && front.version === 1 ? peekProtected(front.firstBytes, one.data) : false,
    )
    const ours = sessionKeys[shapes.indexOf(true)]
    if (ours) {
      await reader.take(front.sessionKeyPackets.byteLength)
      yield* unprotect(reader, ours.data)
      return
    }
    if (shapes.every(shape => shape === undefined)) throw wrongKey()
    // Made by hand, with another cipher, compression or a signature inside: the library reads those.
    let begun = false
    try {
      for await (const chunk of decryptByLibrary(reader.rest(), sessionKeys)) {
        begun = true
        yield chunk
      }
    } catch (error) {
      // A wrong passphrase makes a session key of some other cipher once in 256 times: nothing checks it but this.
      const guessed = sessionKeys.every(one => one.algorithm !== 'aes256' && one.data.byteLength === ourKeyBytes)
      throw guessed && !begun && isBackupError(error) && error.code === 'object-damaged' ? wrongKey(error) : error
    }
  } finally {
    await reader.close()
  }
}

/** A session key of AES-256; the one other cipher whose keys are as long is Twofish. */
const ourKeyBytes = 32

async function* decryptByLibrary(source: ByteSource, sessionKeys: openpgp.DecryptedSessionKey[]): ByteSource {
  let failed: { readonly error: unknown } | undefined
  const watched = (async function* () {
    try {
      yield* source
    } catch (error) {
      failed = { error }
      throw error
    }
  })()
  try {
    const message = await openpgp.readMessage({ binaryMessage: toWebStream(watched), config })
    const named = sessionKeys.filter((one): one is openpgp.SessionKey => one.algorithm !== null)
    const plain = await openpgp.decrypt({ message, sessionKeys: named, format: 'binary', config })
    yield* fromWebStream(plain.data as unknown as ReadableStream<Uint8Array>)
  } catch (error) {
    if (failed !== undefined) throw failed.error
    if (isBackupError(error)) throw error
    throw damaged(error)
  }
}

/** So many recipients fit into a message whatever their keys are; RSA with 16384 bits takes 2 KB for each. */
const recipientsThatFit = 30

/** Reads the public keys that backups are encrypted to, armored or binary. @throws BackupError `config-invalid` */
export async function readRecipients(paths: readonly string[]): Promise<openpgp.PublicKey[]> {
  const keys = await readPublicKeys(paths, 'recipient')
  for (const [index, key] of keys.entries()) {
    try {
      await key.getEncryptionKey()
    } catch (error) {
      throw new BackupError('config-invalid', `the key ${paths[index]} cannot be encrypted to: ${said(error)}`, {
        cause: error,
        hint: 'use a key with an encryption subkey that has not expired',
      })
    }
  }
  // Before anything is dumped or stored: a message to too many could be written, and not be read.
  if (keys.length > recipientsThatFit) await beginMessage({ kind: 'recipients', keys })
  return keys
}

/**
 * Reads public keys, armored or binary.
 * @param whose what an error calls their holder
 * @throws BackupError `config-invalid`
 */
export async function readPublicKeys(paths: readonly string[], whose: string): Promise<openpgp.PublicKey[]> {
  const keys: openpgp.PublicKey[] = []
  for (const path of paths) {
    try {
      const key = await readKey(await readFile(path))
      keys.push(key.toPublic())
    } catch (error) {
      throw new BackupError('config-invalid', `cannot read the ${whose}'s public key ${path}: ${said(error)}`, {
        cause: error,
        hint: 'name an OpenPGP public key file; `lifeboat init --keys` makes a pair',
      })
    }
  }
  return keys
}

/** Reads a private key, from armored text or a file's bytes, and unlocks it. @throws BackupError `key-missing`, `wrong-key` */
export async function readPrivateKey(
  bytes: Uint8Array,
  name: string,
  passphrase: string | undefined,
): Promise<openpgp.PrivateKey> {
  let key: openpgp.Key
  try {
    key = await readKey(bytes)
  } catch (error) {
    throw new BackupError('key-missing', `cannot read the private key ${name}: ${said(error)}`, {
      cause: error,
      hint: 'name an OpenPGP private key file',
    })
  }
  if (!key.isPrivate()) {
    throw new BackupError('key-missing', `${name} is a public key`, { hint: 'name the private key of the pair' })
  }
  const locked = key as openpgp.PrivateKey
  if (locked.isDecrypted()) return locked
  if (passphrase === undefined) {
    throw new BackupError('key-missing', `the private key ${name} is locked`, {
      hint: 'set privateKeyPassphrase, or LIFEBOAT_PRIVATE_KEY_PASSPHRASE',
    })
  }
  try {
    return await openpgp.decryptKey({ privateKey: locked, passphrase })
  } catch (error) {
    throw new BackupError('wrong-key', `the passphrase does not unlock the private key ${name}`, {
      cause: error,
      hint: 'check privateKeyPassphrase',
    })
  }
}

/** Makes an OpenPGP key pair (Curve25519), armored. */
export async function generateKeyPair(options: {
  readonly name: string
  readonly email?: string | undefined
  /** Locks the private key. Default: not locked. */
  readonly passphrase?: string | undefined
}): Promise<{ readonly privateKey: string; readonly publicKey: string; readonly fingerprint: string }> {
  const user = options.email === undefined ? { name: options.name } : { name: options.name, email: options.email }
  const { privateKey, publicKey } = await openpgp.generateKey({
    type: 'ecc',
    curve: 'curve25519Legacy',
    userIDs: [user],
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase }),
    format: 'object',
    config,
  })
  return { privateKey: privateKey.armor(), publicKey: publicKey.armor(), fingerprint: publicKey.getFingerprint() }
}

function readKey(bytes: Uint8Array): Promise<openpgp.Key> {
  const armored = Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart().startsWith('-----BEGIN')
  return armored
    ? openpgp.readKey({ armoredKey: Buffer.from(bytes).toString('utf8') })
    : openpgp.readKey({ binaryKey: bytes })
}

function said(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error)
}
