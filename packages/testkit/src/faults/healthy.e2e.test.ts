import { memoryStore } from '@lifeboat/core'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { recordHealthy } from './fault-results.js'
import { type FaultShop, findingsOf, openFaultShop, orderRows } from './fault-shop.js'

/* No crying wolf: backups made while the database is written to pass every level, with every expectation configured. */

const backups = 12
let shop: FaultShop
beforeAll(async () => {
  shop = await openFaultShop('faults_healthy')
})
afterAll(() => shop.close())

/** Inserts, changes and deletes until told to stop; resolves to how many transactions that were. */
async function write(seed: number, stop: AbortSignal): Promise<number> {
  const client = new pg.Client(shop.url())
  await client.connect()
  let done = 0
  try {
    for (; !stop.aborted; done++) {
      const id = orderRows + 1 + seed + 2 * done
      await client.query(
        `begin; insert into orders values (${id}, md5('${id}')); update orders set note = note || 'x' where id = ${1 + (done % orderRows)};
         delete from orders where id = ${id - 100}; insert into customers values (${id}); commit`,
      )
    }
    return done
  } finally {
    await client.end()
  }
}

it('backups made under two writers are found to be whole at every level', async () => {
  const stop = new AbortController()
  const writers = [write(0, stop.signal), write(1, stop.signal)]
  const alarms = { listed: [] as string[], stored: [] as string[], content: [] as string[] }
  try {
    const product = {
      objectives: { rpo: '1h' },
      verify: { criticalTables: ['orders', 'customers'], size: { min: '1KB', max: '1GB' } },
    }
    const lifeboat = await shop.open({ stores: { memory: memoryStore() }, product })
    const rows = new Set<number>()
    for (let i = 0; i < backups; i++) {
      const { manifest } = await lifeboat.backup('shop')
      const customers = manifest.tables!.find(table => table.name === 'customers')!
      expect(customers.snapshotRows).toBe(customers.rows)
      rows.add(customers.rows)
      for (const level of ['listed', 'stored', 'content'] as const)
        alarms[level].push(...(await findingsOf(lifeboat, `shop/${manifest.id}`, level)))
    }
    // They were taken of a database that did change.
    expect(rows.size).toBeGreaterThan(backups / 2)
  } finally {
    stop.abort()
  }
  for (const transactions of await Promise.all(writers)) expect(transactions).toBeGreaterThan(backups)
  for (const level of ['listed', 'stored', 'content'] as const)
    recordHealthy({ healthy: 'two writers', level, checks: backups, falseAlarms: alarms[level].length })
  expect(alarms).toEqual({ listed: [], stored: [], content: [] })
})
