import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { parseConnectionUrl } from './connection-target.js'
import { probeSource } from './probe-source.js'

/** A session that answers what a probe asks, each time from the backend that `pids` says. */
function session(...pids: number[]): pg.Client {
  const query = async (sql: string) => {
    if (sql.includes('pg_backend_pid')) return { rows: [{ pid: pids.length > 1 ? pids.shift() : pids[0] }] }
    if (sql.includes('server_version'))
      return { rows: [{ version: '17.2', num: 170_002, database: 'app', bytes: '42', encoding: 'UTF8' }] }
    return { rows: [] }
  }
  return { query, end: async () => {} } as unknown as pg.Client
}

const target = (port: number) => parseConnectionUrl(`postgres://user:secret@pooler.example.com:${port}/app`)
const refused = { code: 'pooler-in-between', hint: expect.stringContaining('5432') }

describe('a probe for poolers', () => {
  it("refuses Supabase's transaction pooler by its port, without asking twice", async () => {
    const open = () => expect.unreachable('a second session was opened')
    await expect(probeSource(session(1), target(6543), undefined, undefined, open)).rejects.toMatchObject(refused)
  })

  it.each([
    ['two connections share a backend', session(7), session(7)],
    ['one connection moves from backend to backend', session(7, 8), session(9)],
  ])('refuses any other when %s', async (_, first, second) => {
    const open = async () => second
    await expect(probeSource(first, target(5432), undefined, undefined, open)).rejects.toMatchObject(refused)
  })

  it('lets a direct connection and a session pooler pass', async () => {
    const probe = await probeSource(session(7), target(5432), undefined, undefined, async () => session(8))
    expect(probe).toMatchObject({ serverMajor: 17, database: 'app', databaseBytes: 42, encoding: 'UTF8' })
  })
})
