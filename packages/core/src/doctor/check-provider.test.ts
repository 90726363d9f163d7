import { describe, expect, it } from 'vitest'
import { type BackupProvider, memoryStore, openLifeboat, secret } from '../index.js'
import type { SourceAddress } from '../provider/backup-provider.js'
import { memoryProvider } from '../testing/index.js'

describe('what doctor asks a provider', () => {
  const judged: SourceAddress[] = []
  const provider: BackupProvider = {
    ...memoryProvider(),
    connecting: {
      connect: () => Promise.reject(new Error('not asked for')),
      async judge(address) {
        judged.push(address)
        return [
          { severity: 'critical', code: 'source-through-transactions', message: 'no session there', hint: 'use 5432' },
          { severity: 'info', code: 'source-way', message: 'the direct host', hint: null },
        ]
      },
    },
  }
  const provided = async (url: ReturnType<typeof secret.value>) => {
    judged.length = 0
    const lifeboat = await openLifeboat({
      products: {
        shop: {
          source: { url },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: { memory: { store: memoryStore() } },
          provider,
        },
      },
    })
    const checks = await lifeboat.doctor('shop')
    return checks.filter(one => one.area === 'provider').map(({ ok, message, hint }) => ({ ok, message, hint }))
  }

  it('has it judge the configured address, without its password', async () => {
    expect(await provided(secret.value('postgres://ann:hunter2@127.0.0.1:1/shop'))).toEqual([
      { ok: true, message: 'memory, memory', hint: null },
      { ok: false, message: 'no session there', hint: 'use 5432' },
      { ok: true, message: 'the direct host', hint: null },
    ])
    expect(judged).toEqual([{ host: '127.0.0.1', port: 1, user: 'ann' }])
  })

  it('leaves an address that is not at hand, or is none, to the line about the connection', async () => {
    for (const url of [secret.env('LIFEBOAT_TEST_NO_SUCH'), secret.value('nonsense')])
      expect(await provided(url)).toEqual([{ ok: true, message: 'memory, memory', hint: null }])
    expect(judged).toEqual([])
  })
})
