import { readPrivateKey } from 'openpgp'
import { beforeAll, describe, expect, it } from 'vitest'
import { decrypt, generateKeyPair, type Lock, type Unlock } from '../encryption/open-pgp.js'
import { memoryStore } from '../store/memory-store.js'
import { type ByteSource, bytesOf, readWhole } from '../streams/byte-source.js'
import { encryptEverywhere } from './encrypt-everywhere.js'
import type { Destination } from './store-everywhere.js'

interface Reader {
  readonly lock: Lock
  readonly unlock: Unlock
}

async function makeReader(name: string): Promise<Reader> {
  const key = await readPrivateKey({ armoredKey: (await generateKeyPair({ name })).privateKey })
  return {
    lock: { kind: 'recipients', keys: [key.toPublic()] },
    unlock: { passphrase: undefined, privateKeys: [key] },
  }
}

let team: Reader
let vault: Reader
beforeAll(async () => {
  team = await makeReader('team')
  vault = await makeReader('vault')
})

const text = 'rows '.repeat(200_000)
async function* rows(): ByteSource {
  for (let at = 0; at < text.length; at += 65_536) yield Buffer.from(text.slice(at, at + 65_536))
}

function three(): Destination[] {
  const own = { lock: vault.lock, sealer: undefined }
  return [
    { name: 'local', store: memoryStore() },
    { name: 'archive', store: memoryStore(), own },
    { name: 'offsite', store: memoryStore() },
  ]
}

const put = ({ store }: Destination, bytes: ByteSource) => store.put('k', bytes)
const opened = async ({ store }: Destination, { unlock }: Reader) =>
  (await readWhole(decrypt(store.get('k'), unlock), 2 ** 24)).toString()

describe('a dump for two circles of readers', () => {
  it('is read once, and each destination can be opened by its own readers and by no other', async () => {
    const destinations = three()
    let read = 0
    async function* counted(): ByteSource {
      read += 1
      yield* rows()
    }
    const { outcomes, sent } = await encryptEverywhere(counted(), {
      ...{ lock: team.lock, destinations, put, stopSource: () => {} },
    })
    expect(read).toBe(1)
    expect(outcomes.map(one => one.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    const [local, archive, offsite] = destinations as [Destination, Destination, Destination]
    expect(await opened(local, team)).toBe(text)
    expect(await opened(offsite, team)).toBe(text)
    expect(await opened(archive, vault)).toBe(text)
    await expect(opened(archive, team)).rejects.toMatchObject({ code: 'wrong-key' })
    await expect(opened(local, vault)).rejects.toMatchObject({ code: 'wrong-key' })
    for (const { name, store } of destinations)
      expect((await store.head('k'))?.sizeBytes).toBe(sent.get(name)?.digest.bytes)
    expect(sent.get('local')?.digest.sha256).toBe(sent.get('offsite')?.digest.sha256)
    expect(sent.get('archive')?.digest.sha256).not.toBe(sent.get('local')?.digest.sha256)
  })

  it('goes on for one circle when no destination of the other is left', async () => {
    const destinations = three()
    const refused = new Error('403')
    const { outcomes } = await encryptEverywhere(rows(), {
      ...{ lock: team.lock, destinations, stopSource: () => {} },
      put: async (one, bytes) => {
        if (one.name === 'archive') throw refused
        return put(one, bytes)
      },
    })
    expect(outcomes.map(one => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: refused })
    expect(await opened(destinations[2]!, team)).toBe(text)
  })

  it('completes nowhere when the dump fails, in whatever circle', async () => {
    const destinations = three()
    const failure = new Error('pg_dump died')
    async function* failing(): ByteSource {
      yield* rows()
      throw failure
    }
    const encrypting = encryptEverywhere(failing(), {
      ...{ lock: team.lock, destinations, put, stopSource: () => {} },
    })
    await expect(encrypting).rejects.toBe(failure)
    for (const { store } of destinations) expect(await store.head('k')).toBeUndefined()
  })

  it.each([
    ['full at once', 0],
    ['full a while later', 5],
  ])('stops a silent source once every destination of every circle has failed, and says why: %s', async (_, turns) => {
    const silent = new AbortController()
    let stopped = false
    // As pg_dump does: whoever stops it hears that it was cancelled.
    async function* waiting(): ByteSource {
      yield Buffer.from('first')
      await new Promise<void>((_, reject) =>
        silent.signal.addEventListener('abort', () => reject(new Error('stopped'))),
      )
    }
    const { outcomes } = await encryptEverywhere(waiting(), {
      ...{ lock: team.lock, destinations: three() },
      put: async (_, bytes) => {
        for await (const _chunk of bytes) {
          for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
          throw new Error('full')
        }
      },
      stopSource: () => {
        stopped = true
        silent.abort()
      },
    })
    expect(stopped).toBe(true)
    expect(outcomes.map(one => one.status === 'rejected' && one.reason.message)).toEqual(['full', 'full', 'full'])
  })

  it('counts a circle that cannot be encrypted to as failed, and the other is whole', async () => {
    const [local, archive] = three() as [Destination, Destination]
    const broken = { lock: { kind: 'recipients' as const, keys: [] }, sealer: undefined }
    const { outcomes } = await encryptEverywhere(bytesOf(text), {
      ...{ lock: team.lock, destinations: [local, { ...archive, own: broken }], put, stopSource: () => {} },
    })
    expect(outcomes.map(one => one.status)).toEqual(['fulfilled', 'rejected'])
    expect(await opened(local, team)).toBe(text)
  })
})
