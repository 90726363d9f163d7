import { describe, expect, it } from 'vitest'
import { secret } from '../config/secret.js'
import { openLifeboat } from '../lifeboat.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'

const count = 20_000

describe(`${count} objects`, () => {
  it('are copied; of a second run only what changed passes; both points in time come back', async () => {
    const inner = memoryStore()
    const read = { gets: 0, bytes: 0 }
    const source: ObjectStore = {
      ...inner,
      async *get(key, options) {
        read.gets += 1
        for await (const chunk of inner.get(key, options)) {
          read.bytes += chunk.byteLength
          yield chunk
        }
      },
    }
    const vault = memoryStore()
    const nameOf = (n: number) => `people/${String(n % 97).padStart(2, '0')}/photo ${n}.jpg`
    const contentOf = (n: number, version: number) => `object ${n}, version ${version}. `.repeat(10 + (n % 40))
    const now = new Map<string, string>()
    const put = async (n: number, version: number) => {
      now.set(nameOf(n), contentOf(n, version))
      await inner.put(nameOf(n), bytesOf(contentOf(n, version)))
    }
    for (let n = 0; n < count; n++) await put(n, 1)
    const lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url: secret.value('postgres://nobody@example.org/shop', 'a test') },
          encryption: { passphrase: secret.value('correct horse battery staple', 'a test') },
          destinations: { vault: { store: vault } },
          objects: { uploads: { from: source } },
        },
      },
    })
    const first = await lifeboat.copyObjects('shop', 'uploads')
    const before = new Map(now)
    for (let n = 0; n < count; n += 100) await put(n, 2)
    for (let n = 50; n < count; n += 100) {
      now.delete(nameOf(n))
      await inner.remove(nameOf(n))
    }
    Object.assign(read, { gets: 0, bytes: 0 })
    const second = await lifeboat.copyObjects('shop', 'uploads')
    expect(second.destinations[0]).toMatchObject({
      changed: count / 100,
      removed: count / 100,
      fetchedBytes: read.bytes,
    })
    expect(read.gets).toBe(count / 100)
    const ids = [first, second].map(({ destinations }) => destinations[0]!.snapshot!.id)
    for (const [at, expected] of [before, now].entries()) {
      const target = memoryStore()
      await lifeboat.restoreObjects('shop', 'uploads', target, { snapshot: ids[at]! })
      const found = new Map<string, string>()
      for await (const { key } of target.list('')) {
        let text = ''
        for await (const chunk of target.get(key)) text += Buffer.from(chunk).toString()
        found.set(key, text)
      }
      expect(found).toEqual(expected)
    }
    const report = await lifeboat.verifyObjects('shop', 'uploads', { sample: 0.1 })
    expect(report).toMatchObject({ ok: true, findings: [], objects: now.size })
  })
})
