import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import type { Finding, VerificationReport } from '../api/verification.js'
import type { EncryptionConfig } from '../config/config-schema.js'
import { secret } from '../config/secret.js'
import { generateKeyPair } from '../encryption/open-pgp.js'
import { readUnlock } from '../encryption/product-keys.js'
import { readRecordKeys, readRecordSealer } from '../encryption/record-keys.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { recordOf } from '../verify/record-of.js'
import type { Manifest } from './manifest.js'
import type { DrillRecord, VerificationRecord } from './record-schema.js'
import { findVerified, readRecords, writeRecord } from './verification-record.js'

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

const facts = {
  ...{ ...place, id: 'one', durationMs: 5, storedSha256: ['aa'], findings: [] },
  checks: [{ name: 'size', ok: true, detail: null }],
  ...{ backupCreatedAt: '2026-11-21T02:00:00Z', storedBytes: 1, plainBytes: 2, tables: 3, rows: 4 },
}

const verification: VerificationRecord = {
  ...facts,
  ...{ kind: 'verification', at: '2026-11-21T05:00:00.123Z', level: 'content', live: false, ok: true },
}

const drill: DrillRecord = {
  ...facts,
  ...{ kind: 'drill', at: '2026-11-22T05:00:00.000Z', level: 'restored', ok: false },
  ...{ startedAt: '2026-11-22T04:59:00.000Z', finishedAt: '2026-11-22T05:00:00.000Z' },
  steps: [{ step: 'find', startedAfterMs: 0, durationMs: 7.5 }],
  proof: {
    ...{
      kind: 'content',
      tables: 3,
      rows: 4,
      countedOnly: 0,
      sequences: 1,
      largeObjects: 0,
      entries: 30,
      differences: 1,
    },
  },
  objectives: {
    ...{ ageMs: 10, rpoMs: 100, rpoMet: true, recoveryMs: 20, totalMs: 60_000, rtoMs: null, rtoMet: null },
  },
  scratch: { kind: 'local', serverVersion: '17.5' },
  leftOut: [{ entry: 'EVENT TRIGGER spy', reason: 'it would run in the drill' }],
  databaseBytes: 8,
}

describe('verification and drill records', () => {
  it('come back as they were written, oldest first', async () => {
    const store = memoryStore()
    await writeRecord(store, drill)
    const key = await writeRecord(store, verification)
    expect(key).toBe('shop/verifications/20261121T050000123Z-one.json')
    expect(await readRecords(store, place)).toEqual([verification, drill])
  })

  it('are written once: a second one of the same moment takes the next name, and the first stays', async () => {
    const store = memoryStore()
    const first = await writeRecord(store, drill)
    const written = await readWhole(store.get(first), 100_000)
    expect(await writeRecord(store, { ...drill, ok: !drill.ok })).not.toBe(first)
    expect(await readWhole(store.get(first), 100_000)).toEqual(written)
    expect(await readRecords(store, place)).toHaveLength(2)
  })

  it('of older versions are read, and what is no record is passed over', async () => {
    const store = memoryStore()
    const old = { id: 'one', at: '2026-11-20T05:00:00.000Z', level: 'content', ok: true, storedSha256: ['aa'] }
    await store.put('shop/verifications/a.json', bytesOf(JSON.stringify(old)))
    await store.put('shop/verifications/b.json', bytesOf('{"kind":"drill"'))
    await store.put('shop/verifications/c.json', bytesOf(JSON.stringify({ ...drill, steps: undefined })))
    expect(await readRecords(store, place)).toMatchObject([{ ...old, ...place, kind: 'verification', findings: [] }])
  })
})

async function record(
  store: ObjectStore,
  encryption: EncryptionConfig,
  { sealed = true, findings = [] as readonly Finding[], hour = 1 } = {},
): Promise<void> {
  const report: VerificationReport = {
    ...{ product: 'shop', id, destination: 'local', level: 'content', ok: findings.length === 0, findings },
    ...{ checks: [], live: false, tables: 0, rows: 0, readBytes: 0, durationMs: 0 },
  }
  const unlock = await readUnlock(encryption, {}, folder)
  const sealer = sealed ? await readRecordSealer(encryption, unlock, folder) : undefined
  const now = new Date(Date.UTC(2026, 10, 21, hour))
  await writeRecord(store, recordOf(report, manifest, now), { sealer })
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
