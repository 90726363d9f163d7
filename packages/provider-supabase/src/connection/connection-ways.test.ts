import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { connectionWays, recogniseWay } from './connection-ways.js'
import { reachByTcp } from './reach.js'

const ref = 'abcdefghijklmnopqrst'
const pooler = { database_type: 'PRIMARY', db_user: '', db_port: 6543, db_name: 'postgres', pool_mode: 'transaction' }

describe('connectionWays', () => {
  it('tries direct, then the session pooler; the transaction pooler is fit for nothing', () => {
    const ways = connectionWays(ref, [{ ...pooler, db_host: 'aws-1-eu-central-1.pooler.supabase.com' }])
    expect(
      ways.map(({ way, host, port, fit, userFor }) => [way, `${userFor('postgres')}@${host}:${port}`, fit]),
    ).toEqual([
      ['direct', `postgres@db.${ref}.supabase.co:5432`, true],
      ['session pooler', `postgres.${ref}@aws-1-eu-central-1.pooler.supabase.com:5432`, true],
      ['transaction pooler', `postgres.${ref}@aws-1-eu-central-1.pooler.supabase.com:6543`, false],
    ])
  })

  it.each(['pooler.example.org', 'aws-0-x.pooler.supabase.com.example.org', 'evil/aws-0-x.pooler.supabase.com'])(
    'does not trust the host %s',
    db_host => {
      expect(connectionWays(ref, [{ ...pooler, db_host }]).map(one => one.way)).toEqual(['direct'])
    },
  )

  it('takes no replica’s pooler', () => {
    const replica = { ...pooler, database_type: 'READ_REPLICA', db_host: 'aws-0-eu-west-1.pooler.supabase.com' }
    expect(connectionWays(ref, [replica])).toHaveLength(1)
  })
})

describe('recogniseWay', () => {
  it.each([
    [`db.${ref}.supabase.co`, 5432, 'postgres', { way: 'direct', ref }],
    [`db.${ref}.supabase.co`, 6543, 'postgres', { way: 'dedicated pooler', ref }],
    ['aws-0-eu-west-1.pooler.supabase.com', 5432, `postgres.${ref}`, { way: 'session pooler', ref }],
    ['aws-0-eu-west-1.pooler.supabase.com', 6543, `postgres.${ref}`, { way: 'transaction pooler', ref }],
    ['aws-0-eu-west-1.pooler.supabase.com', 6543, 'postgres', { way: 'transaction pooler', ref: null }],
    ['db.example.org', 5432, 'u', undefined],
    [`db.${ref}.supabase.co.example.org`, 5432, 'postgres', undefined],
  ])('%s:%i as %s', (host, port, user, expected) => {
    expect(recogniseWay({ host, port, user })).toEqual(expected)
  })
})

describe('reachByTcp', () => {
  it('tells what listens from what does not, and ends with the reason of its signal', async () => {
    const server = createServer(socket => socket.destroy())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    expect(await reachByTcp(address, { timeoutMs: 5000 })).toBe(true)
    await new Promise(resolve => server.close(resolve))
    expect(await reachByTcp(address, { timeoutMs: 5000 })).toBe('ECONNREFUSED')
    const signal = AbortSignal.abort(new Error('stop'))
    await expect(reachByTcp(address, { timeoutMs: 5000, signal })).rejects.toThrow('stop')
  })
})
