import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Lifeboat } from '../../../core/src/index.js'
import type {} from '../provided-postgres.js'
import { databaseUrl, makeDrillShop, openShop, query } from './drill-shop.js'

const server = inject('postgres').url

describe('a drill of the demo shop', () => {
  let lifeboat: Lifeboat
  beforeAll(async () => {
    const url = await makeDrillShop(server, 'drill_shop')
    lifeboat = await openShop(url)
    await lifeboat.backup('shop')
  })
  afterAll(() => query(databaseUrl(server, 'postgres'), 'drop database if exists drill_shop with (force)'))

  it('finds no difference on a server of its own', async () => {
    const report = await lifeboat.drill('shop/latest', { onEvent: e => e.type !== 'stage.progressed' && e.type !== 'table.restored' && console.log(JSON.stringify(e)) })
    console.log(JSON.stringify(report, null, 1))
    expect(report.findings).toEqual([])
  })
})
