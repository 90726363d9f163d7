import { beforeEach, describe, expect, it } from 'vitest'
import type { BackupEvent } from '../events/backup-event.js'
import type { BackupProvider } from '../provider/backup-provider.js'
import { memoryStore } from '../store/memory-store.js'
import type { ObjectStore } from '../store/object-store.js'
import { bytesOf } from '../streams/byte-source.js'
import { memoryProvider } from '../testing/index.js'
import { pausesPrefix, readPauseNotes, writePauseNote } from './pause-journal.js'
import {
  manualPauses,
  type PauseWork,
  pauseServices,
  resumeAbandoned,
  resumeServices,
  withServicesPaused,
} from './pause-services.js'

const leaseMs = 600_000
let time = Date.parse('2026-11-21T12:00:00Z')
let store: ObjectStore
let provider: BackupProvider
let work: PauseWork
beforeEach(() => {
  store = memoryStore()
  provider = memoryProvider()
  work = { product: 'shop', provider, stores: [store], now: () => new Date(time), leaseMs }
})

const state = async () => (await provider.maintenance!.services())[0]!.state
const notes = async () => (await readPauseNotes([store], 'shop', undefined)).map(one => one.note)

/** What a process leaves that died in the middle of a restore. */
async function diedInRestore(): Promise<void> {
  await provider.maintenance!.pause('web')
  const aliveUntil = new Date(time + leaseMs).toISOString()
  const fields = { provider: 'memory', purpose: 'restore', holder: 'ann@one, process 7', at: aliveUntil } as const
  await writePauseNote([store], 'shop', { ...fields, aliveUntil, services: [{ id: 'web', name: 'web' }] }, undefined)
}

describe('a restore with paused services', () => {
  it('pauses before and resumes after, with a note in between', async () => {
    const seen = await withServicesPaused(work, async () => [await state(), (await notes()).length])
    expect(seen).toEqual(['paused', 1])
    expect([await state(), await notes()]).toEqual(['running', []])
  })

  it('resumes also when it fails or is cancelled', async () => {
    await expect(withServicesPaused(work, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect([await state(), await notes()]).toEqual(['running', []])
    const controller = new AbortController()
    const cancelled = withServicesPaused(
      work,
      async signal => {
        controller.abort(new Error('ctrl-c'))
        signal?.throwIfAborted()
      },
      { signal: controller.signal },
    )
    await expect(cancelled).rejects.toThrow('ctrl-c')
    expect([await state(), await notes()]).toEqual(['running', []])
  })

  it('pauses nothing where the note cannot be written', async () => {
    const full: ObjectStore = { ...store, put: () => Promise.reject(new Error('full')) }
    await expect(withServicesPaused({ ...work, stores: [full] }, async () => {})).rejects.toThrow('full')
    expect(await state()).toBe('running')
    // Another store takes it.
    await withServicesPaused({ ...work, stores: [full, store] }, async () => expect(await state()).toBe('paused'))
  })

  it('leaves alone what was paused before', async () => {
    await provider.maintenance!.pause('web')
    await withServicesPaused(work, async () => expect(await notes()).toEqual([]))
    expect(await state()).toBe('paused')
  })

  it('says what is still paused, and leaves the note for the next doctor', async () => {
    const { maintenance } = provider
    const stuck: PauseWork = {
      ...work,
      provider: { ...provider, maintenance: { ...maintenance!, resume: () => Promise.reject(new Error('503')) } },
    }
    await expect(withServicesPaused(stuck, async () => 'done')).rejects.toMatchObject({
      message: expect.stringContaining('still paused'),
      hint: expect.stringContaining('lifeboat resume shop'),
    })
    expect(await state()).toBe('paused')
    expect(await resumeAbandoned(work)).toMatchObject([{ error: undefined }])
    expect([await state(), await notes()]).toEqual(['running', []])
  })

  it('resumes everything although a note cannot be removed, and says that it stays', async () => {
    await diedInRestore()
    time += leaseMs + 1
    provider = memoryProvider()
    const keeping: ObjectStore = { ...store, remove: () => Promise.reject(new Error('403 Forbidden')) }
    const resumed: string[] = []
    const maintenance = {
      ...provider.maintenance!,
      resume: async (id: string) => {
        resumed.push(id)
        await provider.maintenance!.resume(id)
      },
    }
    const warnings: string[] = []
    const onEvent = (event: BackupEvent) => void (event.type === 'warning.raised' && warnings.push(event.message))
    const stuck: PauseWork = { ...work, stores: [keeping], provider: { ...provider, maintenance } }
    const options = { adopt: true, onEvent }
    expect(await withServicesPaused(stuck, async () => 'restored', options)).toBe('restored')
    expect(resumed).toEqual(['web', 'web'])
    expect(warnings).toEqual([expect.stringContaining('403 Forbidden'), expect.stringContaining('403 Forbidden')])
    const failing = withServicesPaused(stuck, () => Promise.reject(new Error('the restore failed')), options)
    await expect(failing).rejects.toThrow('the restore failed')
  })

  it('leaves no note where the answer to it was lost: nothing would renew it', async () => {
    const forgetful: ObjectStore = {
      ...store,
      async put(...args) {
        await store.put(...args)
        throw new Error('the answer was lost')
      },
    }
    const second = memoryStore()
    await withServicesPaused({ ...work, stores: [forgetful, second] }, async () => {
      expect(await notes()).toEqual([])
      expect(await readPauseNotes([second], 'shop', undefined)).toHaveLength(1)
    })
  })

  it('without services to pause is refused', async () => {
    const lacking = { ...work, provider: { ...provider, maintenance: undefined } }
    await expect(withServicesPaused(lacking, async () => {})).rejects.toMatchObject({ code: 'provider-lacks' })
    expect(await resumeAbandoned(lacking)).toEqual([])
  })
})

describe('what a dead restore left paused', () => {
  it('is left alone as long as its process may be alive, then resumed', async () => {
    await diedInRestore()
    expect(await resumeAbandoned(work)).toEqual([])
    await expect(resumeServices(work)).rejects.toMatchObject({ code: 'locked' })
    time += leaseMs + 1
    expect(await resumeAbandoned(work)).toMatchObject([{ note: { holder: 'ann@one, process 7' }, error: undefined }])
    expect([await state(), await notes()]).toEqual(['running', []])
  })

  it('stays so during a restore that takes it over, and runs at its end', async () => {
    await diedInRestore()
    time += leaseMs + 1
    await withServicesPaused(
      work,
      async () => {
        expect(await state()).toBe('paused')
        expect(await resumeAbandoned(work)).toEqual([])
      },
      { adopt: true },
    )
    expect([await state(), await notes()]).toEqual(['running', []])
  })

  it('is not seen in notes that are damaged, or of another provider', async () => {
    await store.put(`${pausesPrefix('shop')}x.json`, bytesOf('{"token":'))
    await diedInRestore()
    time += leaseMs + 1
    expect(await resumeAbandoned({ ...work, provider: { ...provider, name: 'other' } })).toEqual([])
    expect(await resumeAbandoned(work)).toHaveLength(1)
  })
})

describe('a pause by hand', () => {
  it('lasts until somebody resumes, whatever doctor does', async () => {
    expect(await pauseServices(work)).toMatchObject({ changed: [{ id: 'web', state: 'paused' }], left: [] })
    expect(await pauseServices(work)).toMatchObject({ changed: [], left: [{ why: 'it was paused already' }] })
    time += 100 * leaseMs
    expect(await resumeAbandoned(work)).toEqual([])
    expect(await manualPauses(work)).toMatchObject([{ services: [{ id: 'web' }] }])
    expect(await resumeServices(work)).toMatchObject({ changed: [{ id: 'web', state: 'running' }] })
    expect([await state(), await notes()]).toEqual(['running', []])
  })
})
