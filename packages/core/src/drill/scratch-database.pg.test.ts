import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import type {} from '../../../testkit/src/provided-postgres.js'
import { parseConnectionUrl } from '../postgres/connection-target.js'
import { sweepScratchDatabases } from './scratch-database.js'
import type { OpenScratchServer } from './scratch-server.js'

const url = inject('postgres').url
const stuck = 'lifeboat_drill_00000000000000aa'
const left = 'lifeboat_load_00000000000000bb'
let client: pg.Client

beforeAll(async () => {
  client = new pg.Client(url)
  await client.connect()
  await client.query(`create role ${stuck}; create role ${left}; create table sweep_of_drills (id int)`)
  await client.query(`alter table sweep_of_drills owner to ${stuck}`)
})
afterAll(async () => {
  await client.query(`drop table sweep_of_drills; drop role if exists ${stuck}; drop role if exists ${left}`)
  await client.end()
})

it('what cannot be dropped of a drill that was killed keeps nothing else from going, and no drill from being held', async () => {
  const server = { admin: parseConnectionUrl(url) } as OpenScratchServer
  const said: string[] = []
  const dropped = await sweepScratchDatabases(server, undefined, message => said.push(message))
  expect(dropped).toContain(left)
  expect(dropped).not.toContain(stuck)
  expect(said).toEqual([expect.stringContaining(`${stuck} of a drill that was killed could not be dropped`)])
})
