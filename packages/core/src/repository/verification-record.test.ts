import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import type { EncryptionConfig } from '../config/config-schema.js'
import { secret } from '../config/secret.js'
import { generateKeyPair } from '../encryption/open-pgp.js'
import { readUnlock } from '../encryption/product-keys.js'
import { readRecordKeys, readRecordSealer } from '../encryption/record-keys.js'
import type { Finding, VerificationReport } from '../lifeboat-api.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import type { Manifest } from './manifest.js'
import { findVerified, writeVerification } from './verification-record.js'

const id = '20261121T020000Z-7f3k9q'
const place = { product: 'shop', destination: 'local' }
const manifest = sampleManifest(id)

let folder: string
let withKeys: EncryptionConfig
let strangers: EncryptionConfig
const withPassphrase: EncryptionConfig = { passphrase: secret.value('correct horse battery') }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-records-'))
  for (const name of ['team', 'writer', 'stranger']) {
    const pair = await generateKeyPair({ name })
    await writeFile(join(folder, `${name}.asc`), pair.publicKey)
    await writeFile(join(folder, `${name}.private.asc`), pair.privateKey)
  }
  withKeys = { recipients: ['team.asc'], privateKey: 'team.private.asc', signingKey: 'writer.private.asc' }
  strangers = { recipients: ['stranger.asc'], privateKey: 'stranger.private.asc' }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const kinds: [string, () => EncryptionConfig, () => EncryptionConfig][] = [
  ['a passphrase', () => withPassphrase, () => ({ passphrase: secret.value('guessed by a stranger') })],
  ['recipients', () => withKeys, () => strangers],
]

describe.each(kinds)('records under %s', (_, encryption, another) => {
  it('are sealed by whoever can open the backup, and count', async () => {
    const store = memoryStore()
    await record(store, encryption())
    expect(await verified(store, encryption())).toEqual([id])
    expect((await readOnly(store)).seal).not.toBeNull()
  })

  it('count for nothing when a stranger made them, or nobody says who', async () => {
    const store = memoryStore()
    await record(store, another())
    expect(await verified(store, encryption())).toEqual([])
    await record(store, encryption(), { sealed: false, hour: 2 })
    expect(await verified(store, encryption())).toEqual([])
  })

  it('cannot be edited: neither from failed to passed nor to another backup', async () => {
    const store = memoryStore()
    const failed: Finding = { severity: 'critical', code: 'artifact-damaged', message: 'x', hint: null }
    await record(store, encryption(), { findings: [failed] })
    expect(await verified(store, encryption())).toEqual([])
    await edit(store, { ok: true, findings: [] })
    expect(await verified(store, encryption())).toEqual([])
    const other = '20261122T020000Z-aaaaaa'
    await edit(store, { ok: true, id: other })
    expect([...(await findVerified(store, place, [sampleManifest(other)], await keysOf(encryption())))]).toEqual([])
  })

  it('speak of one destination: a copy proves nothing about the bytes elsewhere', async () => {
    const store = memoryStore()
    await record(store, encryption())
    const elsewhere = { ...place, destination: 'offsite' }
    expect([...(await findVerified(store, elsewhere, [manifest], await keysOf(encryption())))]).toEqual([])
  })

  it('speak of one manifest: with another time in it the backup has to be verified again', async () => {
    const store = memoryStore()
    await record(store, encryption())
    const moved: Manifest = { ...manifest, createdAt: '2027-01-01T00:00:00.000Z' }
    expect([...(await findVerified(store, place, [moved], await keysOf(encryption())))]).toEqual([])
  })

  it('that are forged do not hide an older one that counts', async () => {
    const store = memoryStore()
    await record(store, encryption(), { hour: 1 })
    const failed: Finding = { severity: 'critical', code: 'artifact-damaged', message: 'x', hint: null }
    await record(store, another(), { hour: 2, findings: [failed] })
    expect(await verified(store, encryption())).toEqual([id])
    await record(store, encryption(), { hour: 3, findings: [failed] })
    expect(await verified(store, encryption())).toEqual([])
  })
})

describe('who may vouch', () => {
  it('is not the machine that backs up: its signing key counts for manifests alone', async () => {
    const store = memoryStore()
    await record(store, { ...withKeys, privateKey: undefined } as EncryptionConfig)
    expect((await readOnly(store)).seal).toBeNull()
    expect(await verified(store, withKeys)).toEqual([])
  })

  it('cannot be judged without the passphrase: then records count as they are', async () => {
    const store = memoryStore()
    await record(store, withPassphrase)
    const without: EncryptionConfig = { passphrase: secret.env('LIFEBOAT_TEST_NOT_SET') }
    expect(await verified(store, without)).toEqual([id])
  })

  it('reads a flood of made-up salts without deriving a key for each', async () => {
    const store = memoryStore()
    await record(store, withPassphrase)
    const genuine = await readOnly(store)
    for (let n = 0; n < 2_000; n++) {
      const seal = { kind: 'hmac', salt: n.toString(16).padStart(32, '0'), value: 'a'.repeat(64) }
      const at = `2027-01-01T00:00:00.${String(n % 1000).padStart(3, '0')}Z`
      await store.put(`shop/verifications/made-up-${n}.json`, bytesOf(JSON.stringify({ ...genuine, at, seal })))
    }
    // A derivation takes a tenth of a second: two thousand of them would outlast the guard against hangs.
    expect(await verified(store, withPassphrase)).toEqual([id])
  })
})

async function record(
  store: ObjectStore,
  encryption: EncryptionConfig,
  { sealed = true, findings = [] as readonly Finding[], hour = 1 } = {},
): Promise<void> {
  const report: VerificationReport = {
    ...{ product: 'shop', id, destination: 'local', level: 'content', ok: findings.length === 0, findings },
    ...{ tables: 0, rows: 0, readBytes: 0, durationMs: 0 },
  }
  const unlock = await readUnlock(encryption, {}, folder)
  const sealer = sealed ? await readRecordSealer(encryption, unlock, folder) : undefined
  const now = new Date(Date.UTC(2026, 10, 21, hour))
  await writeVerification(store, { manifest, destination: 'local', report, now, sealer })
}

function keysOf(encryption: EncryptionConfig) {
  return readRecordKeys(encryption, {}, folder)
}

async function verified(store: ObjectStore, encryption: EncryptionConfig): Promise<string[]> {
  return [...(await findVerified(store, place, [manifest], await keysOf(encryption)))]
}

async function onlyKey(store: ObjectStore): Promise<string> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  expect(keys).toHaveLength(1)
  return keys[0]!
}

async function readOnly(store: ObjectStore): Promise<Record<string, unknown>> {
  return JSON.parse((await readWhole(store.get(await onlyKey(store)), 100_000)).toString())
}

async function edit(store: ObjectStore, changes: object): Promise<void> {
  await store.put(await onlyKey(store), bytesOf(JSON.stringify({ ...(await readOnly(store)), ...changes })))
}
