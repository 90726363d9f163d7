import { describe, expect, it } from 'vitest'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import { BackupError } from '../errors/backup-error.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { readDestination } from './read-destination.js'
import { statusMemory } from './status-memory.js'

const id = '20261121T020000Z-7f3k9q'
const now = new Date('2026-11-21T12:00:00Z')

/** A toolkit that stays open, as a health handler has it. */
async function watcher(record?: object) {
  const inner = memoryStore()
  await inner.put(`shop/${id}/manifest.json`, bytesOf(JSON.stringify(sampleManifest(id))))
  if (record) await inner.put(`shop/verifications/20261121T050000000Z-${id}.json`, bytesOf(JSON.stringify(record)))
  let silent = false
  const store: ObjectStore = {
    ...inner,
    async *get(key, options) {
      if (silent) throw new BackupError('object-missing', `${key} does not exist`)
      yield* inner.get(key, options)
    },
  }
  const memory = statusMemory()
  const place = { product: 'shop', destination: 'local' }
  return (hidden: boolean) => {
    silent = hidden
    const keys = async () => ({ signers: [] })
    const job = { ...place, store, keys, memory: memory.of('shop', 'local'), now }
    return readDestination(job, { timeoutMs: 60_000, signal: undefined })
  }
}

describe('what a look remembers', () => {
  it('is no manifest that was listed and not there for a moment: the next look reads it again', async () => {
    const look = await watcher()
    expect(await look(true)).toMatchObject({ newest: null, unreadable: [{ key: `shop/${id}/manifest.json` }] })
    expect(await look(false)).toMatchObject({ newest: { id }, unreadable: [] })
  })

  it('is no record that was not there for a moment either', async () => {
    const facts = { product: 'shop', id, destination: 'local', at: '2026-11-21T05:00:00.000Z', ok: true }
    const look = await watcher({ ...facts, kind: 'verification', level: 'content', storedSha256: ['a'.repeat(64)] })
    expect(await look(true)).toMatchObject({ verification: null })
    expect(await look(false)).toMatchObject({ verification: { id } })
  })

  it('is no record of a time that is still to come: it would stand for every verification until then', async () => {
    const facts = { product: 'shop', id, destination: 'local', at: '2036-01-01T05:00:00.000Z', ok: true }
    const inner = memoryStore()
    const record = { ...facts, kind: 'verification', level: 'content', storedSha256: ['a'.repeat(64)] }
    await inner.put(`shop/verifications/20360101T050000000Z-${id}.json`, bytesOf(JSON.stringify(record)))
    const job = { product: 'shop', destination: 'local', store: inner, keys: async () => ({ signers: [] }), now }
    const found = await readDestination(
      { ...job, memory: statusMemory().of('shop', 'local') },
      { timeoutMs: 60_000, signal: undefined },
    )
    expect(found.verification).toBeNull()
  })
})
