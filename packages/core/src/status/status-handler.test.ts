import { describe, expect, it } from 'vitest'
import type { StatusOptions, StatusReport } from '../api/status.js'
import { secret } from '../config/secret.js'
import { createStatusHandler, type StatusHandlerOptions } from './status-handler.js'
import { statusAnswerSchema } from './status-schema.js'

const start = Date.parse('2026-11-21T12:00:00.000Z')
const token = 'a-token-for-tests-of-the-handler'

/** A toolkit whose looks are answered by hand, and a clock that is turned by hand. */
function world(options: StatusHandlerOptions = {}, state: StatusReport['state'] = 'ok') {
  let nowMs = start
  const looks: { asked: StatusOptions; resolve(): void; reject(error: Error): void }[] = []
  const source = {
    status: (asked: StatusOptions = {}) =>
      new Promise<StatusReport>((resolve, reject) => {
        const checkedAt = new Date(nowMs).toISOString()
        looks.push({ asked, reject, resolve: () => resolve({ version: 1, checkedAt, state, products: [] }) })
      }),
  }
  const handle = createStatusHandler(source, { now: () => new Date(nowMs), waitMs: 20, ...options })
  const ask = (path = '', init: RequestInit = {}) => handle(new Request(`http://localhost/status${path}`, init))
  return { looks, ask, pass: (ms: number) => (nowMs += ms) }
}

/** A request that is answered by a look. */
async function answered({ ask, looks }: ReturnType<typeof world>, path = '', init: RequestInit = {}) {
  const asked = ask(path, init)
  looks.at(-1)?.resolve()
  return asked
}

describe('the status handler', () => {
  it('looks once for all who ask at the same time, and again when the answer is old', async () => {
    const it = world({ ttlMs: 1000, products: ['shop'], timeoutMs: 7 })
    const asked = [it.ask(), it.ask(), it.ask()]
    it.looks[0]?.resolve()
    for (const one of asked) expect((await one).status).toBe(200)
    expect(it.looks.map(one => one.asked)).toEqual([{ products: ['shop'], keys: undefined, timeoutMs: 7 }])
    it.pass(999)
    await it.ask()
    expect(it.looks).toHaveLength(1)
    it.pass(1)
    await answered(it)
    expect(it.looks).toHaveLength(2)
  })

  it('answers with the last look when a new one fails or takes long, and says how old it is', async () => {
    const it = world({ ttlMs: 1000, staleMs: 10_000 })
    await answered(it)
    it.pass(5000)
    const slow = await it.ask()
    expect(slow.headers.get('age')).toBe('5')
    expect(statusAnswerSchema.parse(await slow.json())).toMatchObject({ ageMs: 5000, stale: true })
    it.looks.at(-1)?.reject(new Error('the network is gone'))
    await Promise.resolve()
    expect(await (await it.ask()).json()).toMatchObject({ stale: true })
    it.pass(6000)
    const old = await it.ask()
    expect([old.status, old.headers.get('retry-after')]).toEqual([503, '10'])
  })

  it('goes on looking when whoever asked is gone: the next one has the answer', async () => {
    const it = world()
    expect((await it.ask()).status).toBe(503)
    it.looks[0]?.resolve()
    expect((await it.ask()).status).toBe(200)
    expect(it.looks).toHaveLength(1)
  })

  it.each([
    ['no header', undefined],
    ['another token', `Bearer ${token}x`],
    ['another scheme', `Basic ${token}`],
    ['the token and more', `Bearer ${token} more`],
    ['an empty token', 'Bearer '],
  ])('refuses %s before it looks', async (_, authorization) => {
    const it = world({ token })
    const answer = await it.ask('', authorization === undefined ? {} : { headers: { authorization } })
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="lifeboat"'])
    expect(it.looks).toHaveLength(0)
  })

  it('lets in whoever has the token, given as a secret; and takes no empty one', async () => {
    const headers = { authorization: `bearer ${token}` }
    expect((await answered(world({ token: secret.value(token) }), '', { headers })).status).toBe(200)
    expect(() => world({ token: '' })).toThrow('the token is empty')
  })

  it('is 503 from the state on that it is asked for', async () => {
    const statusOf = async (state: StatusReport['state'], path: string, strict?: 'critical' | 'warning') =>
      (await answered(world({ strict }, state), path)).status
    expect(await statusOf('critical', '')).toBe(200)
    expect(await statusOf('critical', '?strict')).toBe(503)
    expect(await statusOf('warning', '?strict')).toBe(200)
    expect(await statusOf('warning', '?strict=warning')).toBe(503)
    expect(await statusOf('critical', '', 'critical')).toBe(503)
    expect(await statusOf('critical', '?strict=off', 'critical')).toBe(200)
    expect(await statusOf('ok', '', 'warning')).toBe(200)
  })

  it('keeps its tag while nothing changes, though the age grows', async () => {
    const it = world({ ttlMs: 10_000 })
    const first = await answered(it)
    it.pass(3000)
    const headers = { 'if-none-match': `"other", ${first.headers.get('etag')}` }
    const second = await it.ask('', { headers })
    expect([second.status, second.headers.get('age'), await second.text()]).toEqual([304, '3', ''])
    expect(second.headers.get('cache-control')).toBe('private, no-cache')
  })

  it('takes GET and HEAD only', async () => {
    const it = world()
    const refused = await it.ask('', { method: 'POST' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const head = await answered(it, '', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })
})
