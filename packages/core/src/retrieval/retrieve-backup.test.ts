import { describe, expect, it } from 'vitest'
import { archiving } from '../../../testkit/src/archiving-store.js'
import { sampleManifest } from '../../../testkit/src/sample-manifest.js'
import { memoryStore } from '../store/memory-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { retrieveBackup } from './retrieve-backup.js'

const hour = 3_600_000
const id = '20261121T020000Z-7f3k9q'

/** A backup in an archive, and a clock that goes on while it is waited for. */
async function setUp() {
  const manifest = sampleManifest(id)
  const { key } = manifest.artifacts[0]!
  const store = archiving(memoryStore(), one => one.endsWith('.gpg'))
  await store.put(key, bytesOf('abc'))
  const clock = { ms: Date.parse('2026-11-21T12:00:00Z'), waits: 0, onWait: (_: number) => {} }
  const deps = {
    now: () => new Date(clock.ms),
    sleep: async (ms: number) => {
      clock.ms += ms
      clock.onWait(++clock.waits)
    },
  }
  const backup = { store, destination: 'archive', folder: `shop/${id}/`, manifest }
  const retrieve = (options: Parameters<typeof retrieveBackup>[1]) => retrieveBackup(backup, options, deps, {})
  return { store, key, clock, retrieve }
}

describe('a backup in an archive', () => {
  it('is asked for once, and who comes back is told no later hour than the first time', async () => {
    const { store, clock, retrieve } = await setUp()
    await expect(retrieve({})).rejects.toMatchObject({ hint: expect.stringMatching(/after 2026-11-21 17:00 UTC/) })
    clock.ms += 4 * hour
    await expect(retrieve({})).rejects.toMatchObject({
      ...{ code: 'object-archived', hint: expect.stringMatching(/^come back in some hours/) },
    })
    expect(store.retrievals).toHaveLength(1)
    // Quicker, which it was not asked to be.
    await expect(retrieve({ tier: 'expedited' })).rejects.toMatchObject({ code: 'object-archived' })
    expect(store.retrievals).toHaveLength(2)
    store.finish()
    await retrieve({})
    expect(store.retrievals).toHaveLength(2)
  })

  it('is asked for again where its copy goes away soon, and not waited for', async () => {
    const { store, key, clock, retrieve } = await setUp()
    await store.retrieve!(key, { days: 1, tier: 'standard' })
    store.finish(new Date(clock.ms + 2 * hour))
    await retrieve(undefined)
    expect(store.retrievals).toHaveLength(1)
    await retrieve({ waitMs: hour })
    expect([store.retrievals.length, clock.waits]).toEqual([2, 0])
  })

  it('is asked for again where its copy came and went while others were waited for', async () => {
    const { store, clock, retrieve } = await setUp()
    clock.onWait = wait => {
      if (wait === 1) store.expire()
      if (wait === 3) store.finish()
    }
    await retrieve({ waitMs: 12 * hour })
    expect([store.retrievals.length, clock.waits]).toEqual([2, 3])
  })
})
