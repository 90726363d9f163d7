import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import type { HookFacts } from '../config/hooks-schema.js'
import { secret } from '../config/secret.js'
import { openLifeboat } from '../lifeboat.js'
import { memoryStore } from '../store/memory-store.js'

const urlOf = (database: string) => Object.assign(new URL(inject('postgres').url), { pathname: `/${database}` }).href
const databases = ['hooks_shop', 'hooks_copy']

beforeAll(async () => {
  for (const name of databases) await query('postgres', `create database ${name}`)
  await query('hooks_shop', 'create table orders as select generate_series(1, 10) as id')
})
afterAll(async () => {
  for (const name of databases) await query('postgres', `drop database if exists ${name} with (force)`)
})

it('hooks run around backups, restores and drills of a program, and know what they are about', async () => {
  const calls: HookFacts[] = []
  const note = (facts: HookFacts) => {
    calls.push(facts)
  }
  const lifeboat = await openLifeboat({
    products: {
      shop: {
        source: { url: secret.value(urlOf('hooks_shop')) },
        encryption: { passphrase: secret.value('correct horse battery') },
        destinations: { memory: { store: memoryStore() } },
        hooks: {
          ...{ beforeBackup: note, afterBackup: note, beforeRestore: note, afterRestore: note },
          ...{ beforeDrill: note, afterDrill: note },
        },
      },
    },
  })
  const { id } = await lifeboat.backup('shop', { reason: 'pre-deploy' })
  await lifeboat.restore('shop/latest', { to: urlOf('hooks_copy') })
  const again = lifeboat.restore('shop/latest', { to: urlOf('hooks_copy') })
  await expect(again).rejects.toMatchObject({ code: 'target-not-empty' })
  expect((await lifeboat.drill('shop/latest')).ok).toBe(true)
  const target = expect.stringMatching(/^\S+:\d+\/hooks_copy$/)
  const refused = { code: 'target-not-empty', message: expect.any(String) }
  expect(calls).toMatchObject([
    { hook: 'beforeBackup', product: 'shop', backup: null, reason: 'pre-deploy', status: null },
    { hook: 'afterBackup', product: 'shop', backup: id, reason: 'pre-deploy', status: 'ok' },
    { hook: 'beforeRestore', backup: id, target, status: null },
    { hook: 'afterRestore', backup: id, target, status: 'ok', error: null },
    { hook: 'beforeRestore', backup: id, target, status: null },
    { hook: 'afterRestore', backup: id, target, status: 'failed', error: refused },
    { hook: 'beforeDrill', backup: id, status: null },
    { hook: 'afterDrill', backup: id, status: 'ok' },
  ])
})

async function query(database: string, sql: string): Promise<void> {
  const client = new pg.Client(urlOf(database))
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
