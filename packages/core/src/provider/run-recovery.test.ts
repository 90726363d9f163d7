import { describe, expect, it } from 'vitest'
import { BackupError } from '../errors/backup-error.js'
import { memoryStore } from '../store/memory-store.js'
import { bytesOf } from '../streams/byte-source.js'
import type { BackupProvider, PointInTime } from './backup-provider.js'
import { memoryProvider } from './memory-provider.js'
import { journalKey, storeJournal } from './operation-journal.js'
import { resumeRecovery, runRecovery } from './run-recovery.js'

const at = new Date('2026-11-21T12:00:00Z')

async function setUp(change: (power: PointInTime) => Partial<PointInTime> = () => ({})) {
  const memory = memoryProvider({ now: () => at })
  const provider: BackupProvider = {
    ...memory,
    pointInTime: { ...memory.pointInTime!, ...change(memory.pointInTime!) },
  }
  const store = memoryStore()
  const journal = storeJournal(store, 'shop')
  const run = { provider, journal, now: () => at }
  const plan = await provider.pointInTime!.plan(new Date('2026-11-20T12:00:00Z'))
  return { memory, store, journal, run, plan }
}

describe('runRecovery', () => {
  it('begins once, follows to the end, and leaves no journal', async () => {
    const { memory, journal, run, plan } = await setUp()
    const recovered = await runRecovery(run, plan)
    expect(recovered.operation.plan).toEqual(plan)
    expect(memory.begun).toEqual([plan])
    expect(await journal.read()).toBeUndefined()
  })

  it('refuses to begin while another one is under way', async () => {
    const { memory, journal, run, plan } = await setUp()
    await journal.open({ phase: 'beginning', plan, at: at.toISOString() })
    await expect(runRecovery(run, plan)).rejects.toMatchObject({ code: 'locked' })
    expect(memory.begun).toEqual([])
  })

  it('leaves no journal when the provider refused', async () => {
    const { journal, run, plan } = await setUp(() => ({
      begin: async () => {
        throw new BackupError('provider-conflict', 'busy')
      },
    }))
    await expect(runRecovery(run, plan)).rejects.toMatchObject({ code: 'provider-conflict' })
    expect(await journal.read()).toBeUndefined()
  })

  it('keeps the journal when nobody knows whether it began, and does not begin it again', async () => {
    const { memory, journal, run, plan } = await setUp(power => ({
      begin: async planned => {
        await power.begin(planned)
        throw new Error('the connection was lost')
      },
    }))
    const lost = await runRecovery(run, plan).catch((error: unknown) => error)
    expect(lost).toMatchObject({ code: 'unexpected', message: expect.stringContaining('is not known') })
    expect((await journal.read())?.phase).toBe('beginning')
    expect((await resumeRecovery(run))?.operation.plan).toEqual(plan)
    expect(memory.begun).toEqual([plan])
    expect(await journal.read()).toBeUndefined()
  })

  it('says that it cannot know where nothing shows that it began', async () => {
    const { memory, journal, run, plan } = await setUp()
    await journal.open({ phase: 'beginning', plan, at: at.toISOString() })
    await expect(resumeRecovery(run)).rejects.toMatchObject({ code: 'recovery-uncertain' })
    expect(memory.begun).toEqual([])
    expect((await journal.read())?.phase).toBe('beginning')
  })

  it('is taken up after it was cancelled while it was followed', async () => {
    const controller = new AbortController()
    let follows = 0
    const { memory, journal, run, plan } = await setUp(power => ({
      follow: async (operation, options) => {
        if (++follows === 1) controller.abort()
        options?.signal?.throwIfAborted()
        return power.follow(operation)
      },
    }))
    await expect(runRecovery(run, plan, { signal: controller.signal })).rejects.toMatchObject({ code: 'cancelled' })
    expect((await journal.read())?.phase).toBe('running')
    expect(await resumeRecovery(run)).toMatchObject({ operation: { plan } })
    expect(memory.begun).toHaveLength(1)
  })

  it('forgets a recovery that failed at the provider', async () => {
    const { journal, run, plan } = await setUp(() => ({
      follow: async () => {
        throw new BackupError('recovery-failed', 'RESTORE_FAILED')
      },
    }))
    await expect(runRecovery(run, plan)).rejects.toMatchObject({ code: 'recovery-failed' })
    expect(await journal.read()).toBeUndefined()
  })

  it('resumes nothing where nothing is under way', async () => {
    const { run } = await setUp()
    expect(await resumeRecovery(run)).toBeUndefined()
  })

  it('does not guess at a journal that it cannot read', async () => {
    const { store, run } = await setUp()
    await store.put(journalKey('shop'), bytesOf('{"phase":"beginning"'))
    await expect(resumeRecovery(run)).rejects.toMatchObject({ code: 'recovery-uncertain' })
  })
})
