import { describe, expect, it } from 'vitest'
import { resolveConfig } from '../config/define-config.js'
import type { HookFacts } from '../config/hooks-schema.js'
import { secret } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import type { BackupEvent } from '../events/backup-event.js'
import { memoryStore } from '../store/memory-store.js'
import { withHooks } from './with-hooks.js'

interface Told {
  readonly calls: HookFacts[]
  readonly events: BackupEvent[]
}

function around(hooks: object, work: () => Promise<string>, told: Told, signal?: AbortSignal) {
  const config = resolveConfig({
    products: {
      shop: {
        source: { url: secret.value('postgres://shop@db.example.org/shop') },
        encryption: { passphrase: secret.value('correct horse battery') },
        destinations: { memory: { store: memoryStore() } },
        hooks,
      },
    },
  }).products.shop
  const onEvent = (event: BackupEvent) => told.events.push(event)
  const outcome = () => ({ status: 'ok', backup: 'the-id' }) as const
  const facts = { product: 'shop', reason: 'manual' }
  return withHooks({ around: 'Backup', config, folder: '/', facts, outcome, work }, { signal, onEvent })
}

const nothing = (): Told => ({ calls: [], events: [] })
const note = (told: Told) => (facts: HookFacts) => {
  told.calls.push(facts)
}
const fails = () => {
  throw new Error('no')
}
const warnings = (told: Told) => told.events.flatMap(event => (event.type === 'warning.raised' ? [event.message] : []))

describe('hooks', () => {
  it('run before and after, and the one after is told what became of it', async () => {
    const told = nothing()
    const hooks = { beforeBackup: note(told), afterBackup: note(told) }
    expect(await around(hooks, async () => 'done', told)).toBe('done')
    expect(told.calls).toEqual([
      { ...{ hook: 'beforeBackup', product: 'shop', reason: 'manual', target: null, set: null }, ...pending },
      { ...{ hook: 'afterBackup', product: 'shop', reason: 'manual', target: null, set: null }, ...ok },
    ])
    expect(told.events.map(event => event.type)).toEqual([
      ...['hook.started', 'hook.finished', 'hook.started', 'hook.finished'],
    ])
  })

  it('run after a failure, too, which stays the failure', async () => {
    const told = nothing()
    const full = new BackupError('store-full', 'no space at postgres://u:pw-of-mine@db.example.org')
    const run = around({ afterBackup: { call: note(told), onFailure: 'fail' } }, () => Promise.reject(full), told)
    await expect(run).rejects.toBe(full)
    expect(told.calls[0]).toMatchObject({ status: 'failed', backup: null, error: { code: 'store-full' } })
    expect(told.calls[0]!.error!.message).not.toContain('pw-of-mine')
  })

  it('that fail before keep the work from beginning, unless they shall only warn', async () => {
    const told = nothing()
    let worked = 0
    const work = async () => `${++worked}`
    const strict = around({ beforeBackup: fails, afterBackup: note(told) }, work, told)
    await expect(strict).rejects.toMatchObject({ code: 'hook-failed' })
    expect(worked).toBe(0)
    expect(told.calls).toMatchObject([{ hook: 'afterBackup', status: 'failed', error: { code: 'hook-failed' } }])
    expect(await around({ beforeBackup: { call: fails, onFailure: 'warn' } }, work, told)).toBe('1')
    expect(warnings(told)).toEqual(['the hook beforeBackup of shop failed: no'])
  })

  it('that fail after only warn, unless they shall fail', async () => {
    const told = nothing()
    expect(await around({ afterBackup: fails }, async () => 'done', told)).toBe('done')
    expect(warnings(told)).toEqual(['the hook afterBackup of shop failed: no'])
    const strict = around({ afterBackup: { call: fails, onFailure: 'fail' } }, async () => 'done', told)
    await expect(strict).rejects.toMatchObject({ code: 'hook-failed' })
  })

  it('run after a run that was cancelled, with a signal of their own', async () => {
    const told = nothing()
    const controller = new AbortController()
    const seen: boolean[] = []
    const afterBackup = (facts: HookFacts, { signal }: { signal: AbortSignal }) => {
      told.calls.push(facts)
      seen.push(signal.aborted)
    }
    const work = async () => {
      controller.abort()
      throw new BackupError('cancelled', 'cancelled')
    }
    await expect(around({ afterBackup }, work, told, controller.signal)).rejects.toMatchObject({ code: 'cancelled' })
    expect(told.calls).toMatchObject([{ status: 'cancelled' }])
    expect(seen).toEqual([false])
  })
})

const pending = { backup: null, status: null, error: null }
const ok = { backup: 'the-id', status: 'ok', error: null }
