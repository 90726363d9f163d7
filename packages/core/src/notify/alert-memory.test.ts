import { expect, it } from 'vitest'
import { BackupError } from '../errors/backup-error.js'
import { lockKey } from '../locks/lock-record.js'
import { acquireStoreLock } from '../locks/store-lock.js'
import { memoryStore } from '../store/memory-store.js'
import { takeTurn } from './alert-memory.js'
import { quickDeps } from './testing/sample-message.js'

it('a turn that is given up while it waits for another store leaves no lock in the first', async () => {
  const stores = [memoryStore(), memoryStore()] as const
  const now = () => new Date()
  await acquireStoreLock(stores[1], {
    ...{ product: 'shop', name: 'alerts', purpose: 'alerts', holder: 'another', leaseMs: 600_000, now },
  })
  const cancel = new AbortController()
  const deps = {
    ...quickDeps(),
    now: () => Date.now(),
    sleep: async () => {
      cancel.abort(new BackupError('cancelled', 'cancelled'))
      throw cancel.signal.reason
    },
  }
  const taking = takeTurn({ product: 'shop', stores, deps, signal: cancel.signal }, true)
  await expect(taking).rejects.toMatchObject({ code: 'cancelled' })
  expect(await stores[0].head(lockKey('shop', 'alerts'))).toBeUndefined()
})
