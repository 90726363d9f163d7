import { describe, expect, it } from 'vitest'
import { BackupError } from '../errors/backup-error.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { probeRights } from './probe-rights.js'

const now = new Date('2026-11-21T02:00:00Z')
const denied = async (): Promise<never> => {
  throw new BackupError('store-auth-failed', '403')
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys
}

describe('a probe of the rights of a key', () => {
  it('finds that it can delete and write over, and leaves nothing', async () => {
    const store = memoryStore()
    const lines = await probeRights({ product: 'shop', store, now, posture: null, locked: false }, undefined)
    expect(lines.map(({ ok, message }) => [ok, message])).toEqual([
      [false, 'this key can write over what is there, and no version is kept'],
      [false, 'this key can delete for good'],
    ])
    expect(await keysOf(store)).toEqual([])
  })

  it('is content with a key that can neither, and says what it left: garbage that a sweep finds', async () => {
    const inner = memoryStore()
    const put: ObjectStore['put'] = (key, source, options) =>
      options?.ifAbsent ? inner.put(key, source, options) : denied()
    const store = { ...inner, put, remove: denied }
    const lines = await probeRights({ product: 'shop', store, now, posture: null, locked: false }, undefined)
    expect(lines.filter(one => !one.ok)).toEqual([])
    const [left] = await keysOf(inner)
    expect(left).toMatch(/^shop\/20261121T020000Z-[a-z0-9]{6}\/probe\.gpg$/)
    expect(lines.at(-1)).toMatchObject({ message: `the probe left ${left}`, hint: expect.stringContaining('sweep') })
  })

  it('fails where the key cannot even write', async () => {
    const store = { ...memoryStore(), put: denied }
    const probing = probeRights({ product: 'shop', store, now, posture: null, locked: false }, undefined)
    await expect(probing).rejects.toMatchObject({ code: 'store-auth-failed' })
  })
})
