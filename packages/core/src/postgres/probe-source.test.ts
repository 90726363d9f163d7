import type pg from 'pg'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, parseConnectionUrl } from './connection.js'
import { probeSource } from './probe-source.js'

vi.mock(import('./connection.js'), async original => ({ ...(await original()), connect: vi.fn() }))

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
  beforeEach(() => void vi.mocked(connect).mockReset())

  it("refuses Supabase's transaction pooler by its port, without asking twice", async () => {
    await expect(probeSource(session(1), target(6543), undefined)).rejects.toMatchObject(refused)
    expect(connect).not.toHaveBeenCalled()
  })

  it.each([
    ['two connections share a backend', session(7), session(7)],
    ['one connection moves from backend to backend', session(7, 8), session(9)],
  ])('refuses any other when %s', async (_, first, second) => {
    vi.mocked(connect).mockResolvedValue(second)
    await expect(probeSource(first, target(5432), undefined)).rejects.toMatchObject(refused)
  })

  it('lets a direct connection and a session pooler pass', async () => {
    vi.mocked(connect).mockResolvedValue(session(8))
    const probe = await probeSource(session(7), target(5432), undefined)
    expect(probe).toMatchObject({ serverMajor: 17, database: 'app', databaseBytes: 42, encoding: 'UTF8' })
  })
})
