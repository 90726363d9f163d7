import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as openpgp from 'openpgp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isBackupError } from '../errors/backup-error.js'
import type { ByteSource } from '../streams/byte-source.js'
import { beginSession, encryptIn, messageOpener } from './message-session.js'
import {
  decrypt,
  encrypt,
  generateKeyPair,
  type Lock,
  readPrivateKey,
  readRecipients,
  type Unlock,
} from './open-pgp.js'

const run = promisify(execFile)
const passphrase = 'correct horse ☃'
const byPassphrase: Lock = { kind: 'passphrase', passphrase }
const withPassphrase: Unlock = { passphrase, privateKeys: [] }

async function joined(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* inChunks(bytes: Buffer, length: number): ByteSource {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length)
}

const sealed = (plain: Buffer, lock: Lock) => joined(encrypt(inChunks(plain, 65_536), lock))
const opened = (stored: Buffer, unlock: Unlock) => joined(decrypt(inChunks(stored, 65_536), unlock))

/** The plain bytes, or the code of the error that came instead. */
async function outcome(stored: Buffer, unlock: Unlock): Promise<Buffer | string> {
  try {
    return await opened(stored, unlock)
  } catch (error) {
    if (isBackupError(error)) return error.code
    throw error
  }
}

let folder: string
let recipients: Lock
let unlocks: Unlock[]
let stranger: Unlock
const armored: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-pgp-'))
  const paths: string[] = []
  unlocks = []
  for (const name of ['one', 'two', 'stranger']) {
    const pair = await generateKeyPair({ name, email: `${name}@example.com` })
    paths.push(join(folder, `${name}.asc`))
    await writeFile(paths.at(-1)!, pair.publicKey)
    armored.push(pair.privateKey)
    unlocks.push({ privateKeys: [await readPrivateKey(Buffer.from(pair.privateKey), name, undefined)] })
  }
  stranger = unlocks.pop()!
  recipients = { kind: 'recipients', keys: await readRecipients(paths.slice(0, 2)) }
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('encryption', { timeout: 120_000 }, () => {
  const plain = randomBytes(400_000)

  it('is opened by the passphrase', async () => {
    for (const size of [0, 1, 400_000]) {
      const bytes = plain.subarray(0, size)
      const again = await opened(await sealed(bytes, byPassphrase), withPassphrase)
      expect(again.equals(bytes)).toBe(true)
    }
  })

  it('is opened by each recipient alone, also where a passphrase for other backups is at hand', async () => {
    const stored = await sealed(plain, recipients)
    for (const unlock of [...unlocks, { ...unlocks[1]!, passphrase: 'of another backup' }]) {
      const again = await opened(stored, unlock)
      expect(again.equals(plain)).toBe(true)
    }
    const both = await opened(await sealed(plain, byPassphrase), { ...stranger, passphrase })
    expect(both.equals(plain)).toBe(true)
  })

  it('streams: plain bytes come out before all of the stored ones were read', async () => {
    const stored = await sealed(randomBytes(2 ** 20), byPassphrase)
    let given = 0
    const source = (async function* () {
      for await (const chunk of inChunks(stored, 16_384)) {
        given += chunk.byteLength
        yield chunk
      }
    })()
    for await (const _ of decrypt(source, withPassphrase)) break
    expect(given).toBeLessThan(stored.byteLength / 2)
  })

  it('says which key is wrong or missing', async () => {
    const secret = await sealed(plain, byPassphrase)
    const forTwo = await sealed(plain, recipients)
    expect(await outcome(secret, { passphrase: 'wrong', privateKeys: [] })).toBe('wrong-key')
    expect(await outcome(forTwo, stranger)).toBe('wrong-key')
    expect(await outcome(forTwo, { privateKeys: [] })).toBe('key-missing')
    expect(await outcome(forTwo, withPassphrase)).toBe('key-missing')
    expect(await outcome(secret, unlocks[0]!)).toBe('key-missing')
  })

  it.each(['passphrase', 'recipients'])('by %s finds every cut, never as a regular end or a wrong key', async kind => {
    const [lock, unlock] = kind === 'passphrase' ? [byPassphrase, withPassphrase] : [recipients, unlocks[0]!]
    const stored = await sealed(plain.subarray(0, 150_000), lock)
    const half = stored.byteLength >> 1
    const ends = [0, 1, 2, 10, 48, 50, 60, 70, 100, 200, 215, 300, 65_536, half, stored.byteLength - 23]
    for (const end of [...ends, stored.byteLength - 22, stored.byteLength - 1])
      expect([end, await outcome(stored.subarray(0, end), unlock)]).toEqual([end, 'object-damaged'])
  })

  it('finds a flipped bit wherever it is', async () => {
    const stored = await sealed(plain.subarray(0, 150_000), byPassphrase)
    const places = [75, 80, 100, 500, 65_536, 70_000, 100_000, stored.byteLength - 30, stored.byteLength - 1]
    for (const at of places) {
      const flipped = Buffer.from(stored)
      flipped[at]! ^= 4
      expect([at, await outcome(flipped, withPassphrase)]).toEqual([at, 'object-damaged'])
    }
    // Within the encrypted session key, and in the prefix that tells a right key, damage looks like a wrong passphrase.
    for (const at of [20, 60]) {
      const flipped = Buffer.from(stored)
      flipped[at]! ^= 4
      expect(await outcome(flipped, withPassphrase)).toMatch(/^(wrong-key|object-damaged)$/)
    }
  })

  it('finds that something is no message at all', async () => {
    expect(await outcome(Buffer.from('PGDMP, not encrypted'), withPassphrase)).toBe('object-damaged')
    expect(await outcome(randomBytes(5_000), withPassphrase)).toBe('object-damaged')
  })

  it('passes an error of its source on as it is, both ways', async () => {
    const error = Object.assign(new Error('the connection was reset'), { code: 'ECONNRESET' })
    const failing = (bytes: Buffer, after: number) =>
      (async function* () {
        if (after > 0) yield bytes.subarray(0, after)
        throw error
      })()
    const stored = await sealed(plain, byPassphrase)
    for (const after of [0, 30, 200_000]) {
      await expect(joined(encrypt(failing(plain, after), byPassphrase))).rejects.toBe(error)
      await expect(joined(decrypt(failing(stored, after), withPassphrase))).rejects.toBe(error)
    }
  })

  it.each(['encrypt', 'decrypt'])('%s lets its source go when its reader leaves early', async way => {
    const stored = way === 'encrypt' ? plain : await sealed(randomBytes(2 ** 20), byPassphrase)
    let released = false
    const source = (async function* () {
      try {
        yield* inChunks(stored, 16_384)
        for (;;) yield plain
      } finally {
        released = true
      }
    })()
    const stage = way === 'encrypt' ? encrypt(source, byPassphrase) : decrypt(source, withPassphrase)
    let chunks = 0
    for await (const _ of stage) if (++chunks === 4) break
    await expect.poll(() => released).toBe(true)
  })
})

describe('keys', { timeout: 60_000 }, () => {
  it('that are locked want their own passphrase', async () => {
    const pair = await generateKeyPair({ name: 'locked', passphrase: 'key secret' })
    const bytes = Buffer.from(pair.privateKey)
    await expect(readPrivateKey(bytes, 'k.asc', undefined)).rejects.toMatchObject({ code: 'key-missing' })
    await expect(readPrivateKey(bytes, 'k.asc', 'other')).rejects.toMatchObject({ code: 'wrong-key' })
    const key = await readPrivateKey(bytes, 'k.asc', 'key secret')
    const path = join(folder, 'locked.asc')
    await writeFile(path, pair.publicKey)
    const stored = await sealed(Buffer.from('hello'), { kind: 'recipients', keys: await readRecipients([path]) })
    expect((await opened(stored, { privateKeys: [key] })).toString()).toBe('hello')
    expect(key.getFingerprint()).toBe(pair.fingerprint)
  })

  it('of the wrong kind are refused by name', async () => {
    const path = join(folder, 'one.asc')
    const missing = join(folder, 'nothing.asc')
    const { readFile } = await import('node:fs/promises')
    const asPrivate = readPrivateKey(await readFile(path), path, undefined)
    await expect(asPrivate).rejects.toMatchObject({ code: 'key-missing', message: expect.stringContaining(path) })
    await expect(readPrivateKey(Buffer.from('nonsense'), 'x', undefined)).rejects.toMatchObject({ code: 'key-missing' })
    await expect(readRecipients([missing])).rejects.toMatchObject({ code: 'config-invalid' })
    await writeFile(missing, 'nonsense')
    await expect(readRecipients([missing])).rejects.toMatchObject({ code: 'config-invalid' })
  })

  it('of more recipients than a message can be read back with are refused before anything is written', async () => {
    const path = join(folder, 'one.asc')
    const [key] = await readRecipients([path])
    const curve25519 = 96
    const fitting = Math.floor((65_536 - 128) / curve25519)
    const most: Lock = { kind: 'recipients', keys: Array(fitting).fill(key) }
    const tooMany: Lock = { kind: 'recipients', keys: Array(fitting + 1).fill(key) }
    const plain = Buffer.from('hello')
    const stored = await sealed(plain, most)
    expect((await opened(stored, unlocks[0]!)).equals(plain)).toBe(true)
    const { head, sessionKey } = await beginSession(most)
    const inSession = await joined(encryptIn({ head, sessionKey }, inChunks(plain, 5)))
    expect((await joined(messageOpener(unlocks[0]!)(inChunks(inSession, 65_536)))).equals(plain)).toBe(true)
    const refused = { code: 'config-invalid', message: expect.stringContaining(`${fitting + 1} are too many`) }
    await expect(beginSession(tooMany)).rejects.toMatchObject(refused)
    await expect(readRecipients(Array(fitting + 1).fill(path))).rejects.toMatchObject(refused)
  })

  it('of a pair whose private half was named as recipient encrypt to its public half', async () => {
    const path = join(folder, 'private.asc')
    await writeFile(path, armored[0]!)
    const [key] = await readRecipients([path])
    expect(key!.isPrivate()).toBe(false)
  })
})

describe('stock gpg', { timeout: 120_000 }, () => {
  let home: string
  const gpg = (args: readonly string[], input: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const child = spawn('gpg', ['--homedir', home, '--batch', '--quiet', '--no-tty', ...args])
      const out: Buffer[] = []
      let words = ''
      child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
      child.stderr.on('data', (chunk: Buffer) => {
        words += chunk
      })
      child.stdin.on('error', () => {})
      child.once('error', reject)
      child.once('close', status =>
        status === 0 ? resolve(Buffer.concat(out)) : reject(new Error(`gpg ended with ${status}: ${words}`)),
      )
      child.stdin.end(input)
    })
  const withSecret = ['--pinentry-mode', 'loopback', '--passphrase', passphrase]

  beforeAll(async () => {
    // Its agent listens on a socket in here, whose path may not be long.
    home = await mkdtemp('/tmp/lb-gpg-')
  })

  afterAll(async () => {
    await run('gpgconf', ['--homedir', home, '--kill', 'all'])
    await rm(home, { recursive: true, force: true })
  })

  it('reads what we write, and finds in it what the format promises', async () => {
    const plain = randomBytes(300_000)
    const stored = await sealed(plain, byPassphrase)
    expect((await gpg([...withSecret, '--decrypt'], stored)).equals(plain)).toBe(true)
    const packets = (await gpg([...withSecret, '--list-packets', '--verbose'], stored)).toString()
    expect(packets).toMatch(/:symkey enc packet: version 4, cipher 9,.*s2k 3, hash (8|9|10)/)
    // Tag 18 is integrity-protected data; version 1 has the modification detection code that gpg 2.2 checks.
    expect(packets).toMatch(/tag=18/)
    expect(packets).toContain('mdc_method: 2')
    expect(packets).not.toMatch(/compressed packet|aead [1-9]|aead encrypted/i)
    const forTwo = await sealed(plain, recipients)
    await gpg(['--import'], Buffer.from(armored[1]!))
    expect((await gpg(['--decrypt'], forTwo)).equals(plain)).toBe(true)
  })

  it('writes what we read, compressed too', async () => {
    const plain = Buffer.from('a row of a table\n'.repeat(20_000))
    const stored = await gpg([...withSecret, '--symmetric'], plain)
    expect(stored.byteLength).toBeLessThan(plain.byteLength / 2)
    expect((await opened(stored, withPassphrase)).equals(plain)).toBe(true)
    for (const end of [0, 5, stored.byteLength >> 1, stored.byteLength - 1])
      expect([end, await outcome(stored.subarray(0, end), withPassphrase)]).toEqual([end, 'object-damaged'])
  })
})

describe('a wrong passphrase', () => {
  it('is never taken for damage, though once in 256 times it makes a session key of another cipher', async () => {
    const stored = await quicklySealed('the right one', randomBytes(1_000))
    const message = await openpgp.readMessage({ binaryMessage: new Uint8Array(stored) })
    const ciphers: string[] = []
    for (let i = 0; ciphers.filter(one => one === 'twofish').length < 2; i++) {
      const wrong = `wrong ${i}`
      const [key] = await openpgp.decryptSessionKeys({ message, passwords: wrong }).catch(() => [])
      if (key === undefined) continue
      ciphers.push(key.algorithm ?? '')
      expect([wrong, await outcome(stored, { passphrase: wrong, privateKeys: [] })]).toEqual([wrong, 'wrong-key'])
    }
  })
})

/** As we seal, but with a passphrase that is quick to try. */
async function quicklySealed(password: string, plain: Buffer): Promise<Buffer> {
  const sealed = await openpgp.encrypt({
    message: await openpgp.createMessage({ binary: new Uint8Array(plain) }),
    passwords: password,
    format: 'binary',
    config: {
      aeadProtect: false,
      preferredSymmetricAlgorithm: openpgp.enums.symmetric.aes256,
      s2kType: openpgp.enums.s2k.iterated,
      s2kIterationCountByte: 0,
    },
  })
  return Buffer.from(sealed as Uint8Array)
}
