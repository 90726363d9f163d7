import type * as openpgp from 'openpgp'
import { ByteReader } from '../streams/byte-reader.js'
import type { ByteSource } from '../streams/byte-source.js'
import { peekProtected, protect, unprotect } from './integrity-protected-data.js'
import { beginMessage, type Lock } from './open-pgp.js'
import { damaged, maxFrontBytes, noKey, openSessionKeys, readFront, type Unlock, wrongKey } from './session-keys.js'

/** One session key for many messages, and what tells it to those who may read: each message begins with that. */
export interface MessageSession {
  readonly head: Uint8Array
  readonly sessionKey: Uint8Array
}

/** Sessions are one a run; a restore meets the runs of its snapshot again and again. */
const mostRemembered = 1000

/**
 * A session for the messages of one run. To begin each message anew would derive a key from the passphrase, or use a public
 * key, for each of 20,000 small objects. Each message has random bytes of its own in front, which is what tells two
 * messages under one key apart (RFC 4880, 5.13).
 * @throws BackupError `encryption-failed`
 */
export function beginSession(lock: Lock): Promise<MessageSession> {
  return beginMessage(lock)
}

/** A message of a session; stock gpg reads it like any other. */
export async function* encryptIn(session: MessageSession, source: ByteSource): ByteSource {
  yield session.head
  yield* protect(source, session.sessionKey)
}

/** Opens messages, each session key once. */
export type OpenMessage = (source: ByteSource) => ByteSource

/** @throws (when reading) BackupError `wrong-key`, `key-missing`, `object-damaged` */
export function messageOpener(unlock: Unlock): OpenMessage {
  const remembered = new Map<string, Promise<openpgp.DecryptedSessionKey[]>>()
  return async function* (source) {
    if (unlock.passphrase === undefined && unlock.privateKeys.length === 0) throw noKey()
    const reader = new ByteReader(source)
    try {
      const front = readFront(await reader.peek(maxFrontBytes))
      if (front === undefined || front.version !== 1) throw damaged()
      const name = front.sessionKeyPackets.toString('latin1')
      let opening = remembered.get(name)
      if (opening === undefined) {
        opening = openSessionKeys(front, unlock)
        opening.catch(() => remembered.delete(name))
        if (remembered.size >= mostRemembered) remembered.delete(remembered.keys().next().value!)
        remembered.set(name, opening)
      }
      const keys = await opening
      const ours = keys.find(one => one.algorithm === 'aes256' && peekProtected(front.firstBytes, one.data) === true)
      if (ours === undefined) throw wrongKey()
      await reader.take(front.sessionKeyPackets.byteLength)
      yield* unprotect(reader, ours.data)
    } finally {
      await reader.close()
    }
  }
}
