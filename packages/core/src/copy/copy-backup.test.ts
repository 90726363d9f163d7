import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { faulty } from '../../../testkit/src/faulty-store.js'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import { BackupError, type ObjectStore, openLifeboat, secret } from '../index.js'
import type { LocatedBackup } from '../repository/locate-artifact.js'
import type { Manifest } from '../repository/manifest.js'
import { checkSeal, sealManifest } from '../seal/manifest-seal.js'
import { memoryStore } from '../store/memory-store.js'
import { bytesOf, readWhole } from '../streams/byte-source.js'
import { copyBackup } from './copy-backup.js'

const id = '20261121T020000Z-7f3k9q'
const hour = 3_600_000
const stored = Buffer.alloc(300_000, 'encrypted')
const passphrase = 'correct horse battery'
const deps = { now: () => new Date(), lockLeaseMs: 600_000 }
let manifest: Manifest
let text: string

beforeAll(async () => {
  const sample = sampleManifest(id)
  const artifacts = [recorded(sample.artifacts[0]!, stored)]
  manifest = await sealManifest({ ...sample, artifacts }, { kind: 'hmac', passphrase })
  // Written by another version, in a form of its own.
  text = JSON.stringify({ future: { member: true }, ...manifest }, null, 1)
  const { seal: _, ...rest } = JSON.parse(text) as Manifest
  const sealed = await sealManifest({ ...rest, seal: null }, { kind: 'hmac', passphrase })
  text = JSON.stringify(sealed, null, 1)
  manifest = JSON.parse(text) as Manifest
})

function recorded(artifact: Manifest['artifacts'][number], bytes: Buffer) {
  return { ...artifact, storedBytes: bytes.length, storedSha256: createHash('sha256').update(bytes).digest('hex') }
}

async function source(bytes: Buffer = stored): Promise<ObjectStore> {
  const store = memoryStore()
  await store.put(manifest.artifacts[0]!.key, bytesOf(bytes))
  await store.put(`shop/${id}/manifest.json`, bytesOf(text))
  return store
}

function located(store: ObjectStore): LocatedBackup {
  return { store, destination: 'local', folder: `shop/${id}/`, manifest }
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys.sort()
}

const read = async (store: ObjectStore, key: string) => (await readWhole(store.get(key), 2 ** 24)).toString()
const whole = [`shop/${id}/database.dump.gz.gpg`, `shop/${id}/manifest.json`]

describe('a copy', () => {
  it('is the backup as it lies: every stored byte, and the manifest byte for byte, so that its seal fits', async () => {
    const to = memoryStore()
    const result = await copyBackup({ backup: located(await source()), to: { name: 'archive', store: to }, deps }, {})
    expect(result).toMatchObject({ outcome: 'copied', id, from: 'local', to: 'archive', storedBytes: stored.length })
    expect(await keysOf(to)).toEqual(whole)
    expect(await read(to, whole[0]!)).toBe(stored.toString())
    expect(await read(to, whole[1]!)).toBe(text)
    const copied = JSON.parse(await read(to, whole[1]!)) as Manifest
    expect(await checkSeal(copied, { expected: 'hmac', passphrase, signers: [] })).toBe('sound')
  })

  it('made again finds itself there and writes nothing', async () => {
    const to = memoryStore()
    const job = { backup: located(await source()), to: { name: 'archive', store: to }, deps }
    await copyBackup(job, {})
    const puts: string[] = []
    const watched = faulty(to, ({ step, key }) => void (step === 'put' && puts.push(key)))
    expect((await copyBackup({ ...job, to: { name: 'archive', store: watched } }, {})).outcome).toBe('present')
    expect(puts).toEqual(['shop/locks/change.json'])
  })

  it('made again brings back what the destination lost of it, and is refused where it was cut short', async () => {
    const to = memoryStore()
    const job = { backup: located(await source()), to: { name: 'archive', store: to }, deps }
    await copyBackup(job, {})
    await to.remove(whole[0]!)
    expect((await copyBackup(job, {})).outcome).toBe('copied')
    expect(await read(to, whole[0]!)).toBe(stored.toString())
    await to.put(whole[0]!, bytesOf(stored.subarray(0, 1000)))
    await expect(copyBackup(job, {})).rejects.toMatchObject({ code: 'object-damaged' })
    expect(await keysOf(to)).toEqual(whole)
  })

  it('that cannot bring back what is lost leaves the rest as it is', async () => {
    const to = memoryStore()
    const from = await source()
    const job = { backup: located(from), to: { name: 'archive', store: to }, deps }
    await copyBackup(job, {})
    await to.remove(whole[0]!)
    const damaged = Buffer.from(stored)
    damaged[150_000]! ^= 1
    await from.put(whole[0]!, bytesOf(damaged))
    await expect(copyBackup(job, {})).rejects.toMatchObject({ code: 'object-damaged' })
    expect(await keysOf(to)).toEqual([whole[1]])
  })

  it('is refused over another backup of that name, which stays as it is', async () => {
    const to = memoryStore()
    const other = JSON.stringify({ ...manifest, reason: 'another' })
    await to.put(whole[1]!, bytesOf(other))
    const copying = copyBackup({ backup: located(await source()), to: { name: 'archive', store: to }, deps }, {})
    await expect(copying).rejects.toMatchObject({ code: 'object-exists' })
    expect(await keysOf(to)).toEqual([whole[1]])
    expect(await read(to, whole[1]!)).toBe(other)
  })

  it('of damaged bytes is refused, and nothing of it stays', async () => {
    const damaged = Buffer.from(stored)
    damaged[150_000]! ^= 1
    for (const bytes of [damaged, stored.subarray(0, 200_000)]) {
      const to = memoryStore()
      const copying = copyBackup({ backup: located(await source(bytes)), to: { name: 'archive', store: to }, deps }, {})
      await expect(copying).rejects.toMatchObject({ code: 'object-damaged' })
      expect(await keysOf(to)).toEqual([])
    }
  })

  it('that fails at any step of either store leaves the whole backup or nothing', async () => {
    const refused = Object.assign(new Error('403 Forbidden'), { code: 'EACCES' })
    for (const side of ['from', 'to'] as const) {
      for (let step = 0, reached = true; reached; step++) {
        reached = false
        const [from, to] = [await source(), memoryStore()]
        const failing = (store: ObjectStore) =>
          faulty(store, ({ overall }) => {
            if (overall !== step) return
            reached = true
            throw refused
          })
        const backup = located(side === 'from' ? failing(from) : from)
        const target = { name: 'archive', store: side === 'to' ? failing(to) : to }
        const outcome = await copyBackup({ backup, to: target, deps }, {}).then(
          result => result.outcome,
          () => 'failed' as const,
        )
        // A lock that could not be released expires by itself.
        const left = (await keysOf(to)).filter(key => !key.includes('/locks/'))
        expect(left).toEqual(outcome === 'copied' ? whole : [])
        expect(await keysOf(from)).toEqual(whole)
      }
    }
  })

  it('whose manifest was stored although its answer was lost is gone whole, or stays whole where nothing can be removed', async () => {
    for (const stuck of [false, true]) {
      const to = memoryStore()
      const forgetful: ObjectStore = {
        ...to,
        async put(key, bytes, options) {
          const put = await to.put(key, bytes, options)
          if (key.endsWith('manifest.json')) throw new BackupError('store-unreachable', 'the answer was lost')
          return put
        },
        async remove(key, options) {
          if (stuck && key.endsWith('manifest.json')) throw new BackupError('store-unreachable', 'no answer')
          return to.remove(key, options)
        },
      }
      const target = { name: 'archive', store: forgetful }
      const copying = copyBackup({ backup: located(await source()), to: target, deps }, {})
      await expect(copying).rejects.toMatchObject({ code: 'store-unreachable' })
      expect(await keysOf(to)).toEqual(stuck ? whole : [])
    }
  })

  it('that was killed leaves garbage that a sweep finds, and the next copy takes its place', async () => {
    const to = memoryStore()
    await to.put(whole[0]!, bytesOf('half of it'))
    const lifeboat = await openLifeboat(
      {
        products: {
          shop: {
            source: { url: secret.env('LIFEBOAT_TEST_NOT_SET') },
            encryption: { passphrase: secret.env('LIFEBOAT_TEST_NOT_SET') },
            destinations: { local: { store: await source() }, archive: { store: to } },
          },
        },
      },
      { deps: { now: () => new Date(Date.now() + 25 * hour) } },
    )
    const [, swept] = await lifeboat.sweep('shop')
    expect(swept?.garbage.map(one => one.key)).toEqual([whole[0]])
    expect((await lifeboat.copy(`shop/${id}`, { to: 'archive' })).outcome).toBe('copied')
    expect(await keysOf(to)).toEqual(whole)
    expect(await read(to, whole[0]!)).toBe(stored.toString())
    const [report] = [await lifeboat.verify(`shop/${id}`, { destination: 'archive', level: 'stored' })]
    expect(report?.ok).toBe(true)
  })

  it('is refused to the destination itself, to one that is not configured, and of what is only there', async () => {
    const lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.env('LIFEBOAT_TEST_NOT_SET') },
          encryption: { passphrase: secret.env('LIFEBOAT_TEST_NOT_SET') },
          destinations: { local: { store: await source() }, archive: { store: memoryStore() } },
        },
      },
    })
    await expect(lifeboat.copy('latest', { to: 'local', from: 'local' })).rejects.toMatchObject({
      code: 'config-invalid',
    })
    await expect(lifeboat.copy('latest', { to: 'moon' })).rejects.toMatchObject({ code: 'config-invalid' })
    await expect(lifeboat.copy(`shop/${id}`, { to: 'local' })).rejects.toMatchObject({ code: 'backup-missing' })
  })
})

describe('a copy with a stage', () => {
  it('stores what the stage gives, under a manifest that says so and is sealed anew', async () => {
    const store = await source()
    const again = '20261121T020000Z-aaaaaa'
    const result = await copyBackup(
      {
        backup: located(store),
        to: { name: 'local', store },
        deps,
        stage: {
          id: again,
          transform: (_, bytes) => ({ bytes: upper(bytes), encryption: { kind: 'passphrase' } }),
          seal: one => sealManifest(one, { kind: 'hmac', passphrase: 'new' }),
        },
      },
      {},
    )
    expect(result).toMatchObject({ outcome: 'copied', id: again })
    const copied = JSON.parse(await read(store, `shop/${again}/manifest.json`)) as Manifest
    expect(copied.artifacts).toEqual([
      {
        ...recorded(manifest.artifacts[0]!, Buffer.from(stored.toString().toUpperCase())),
        key: `shop/${again}/database.dump.gz.gpg`,
      },
    ])
    expect(copied.createdAt).toBe(manifest.createdAt)
    expect(await checkSeal(copied, { expected: 'hmac', passphrase: 'new', signers: [] })).toBe('sound')
    expect(await read(store, `shop/${again}/database.dump.gz.gpg`)).toBe(stored.toString().toUpperCase())
  })

  it('stores nothing when what came was damaged', async () => {
    const [from, to] = [await source(stored.subarray(1)), memoryStore()]
    const stage = {
      transform: (_: unknown, bytes: AsyncIterable<Uint8Array>) => ({
        bytes: upper(bytes),
        encryption: { kind: 'passphrase' as const },
      }),
      seal: async (one: Manifest) => one,
    }
    const copying = copyBackup({ backup: located(from), to: { name: 'archive', store: to }, deps, stage }, {})
    await expect(copying).rejects.toMatchObject({ code: 'object-damaged' })
    expect(await keysOf(to)).toEqual([])
  })

  async function* upper(bytes: AsyncIterable<Uint8Array>) {
    for await (const chunk of bytes) yield Buffer.from(Buffer.from(chunk).toString('latin1').toUpperCase(), 'latin1')
  }
})
