import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tooManyRequests } from './api-fault.js'
import { type ApiHandler, type OpenApiServer, startOpenApiServer } from './openapi-server.js'

const render = JSON.parse(
  readFileSync(new URL('../../provider-render/openapi/render.json', import.meta.url), 'utf8'),
) as object

const token = 'rnd_test'
const answers: Record<string, () => ReturnType<ApiHandler>> = {
  'retrieve-postgres-recovery-info': () => ({ status: 200, body: { recoveryStatus: 'AVAILABLE' } }),
  'create-postgres-export': () => ({ status: 202 }),
  'list-postgres-export': () => ({ status: 200, body: [{ id: 'e1', createdAt: new Date() }] }),
  'list-postgres': () => ({ status: 200, body: [] }),
  'recover-postgres': () => ({ status: 202 }),
}

let server: OpenApiServer
beforeAll(async () => {
  const handlers = Object.fromEntries(Object.keys(answers).map(id => [id, () => answers[id]!()]))
  server = await startOpenApiServer(render, { handlers, token })
})
afterAll(() => server.close())

function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${server.baseUrl}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})

/** The violations that one call adds. */
async function violationsOf(action: () => Promise<unknown>): Promise<readonly string[]> {
  const before = server.violations.length
  await action()
  return server.violations.slice(before).flatMap(one => one.problems.map(problem => `${one.side} ${problem}`))
}

describe('the OpenAPI server', () => {
  it('passes what the document allows: empty bodies, dates, lists in a query', async () => {
    const found = await violationsOf(async () => {
      expect(await (await call('/postgres/dpg-1/export')).json()).toMatchObject([{ id: 'e1' }])
      const started = await call('/postgres/dpg-1/export', { method: 'POST' })
      expect([started.status, await started.text()]).toEqual([202, ''])
      expect((await call('/postgres?name=a,b&limit=20&includeReplicas=false')).status).toBe(200)
    })
    expect(found).toEqual([])
  })

  it.each([
    ['an operation that is not there', () => call('/nothing'), 'no such operation'],
    ['a limit that is too high', () => call('/postgres?limit=101'), '<= 100'],
    ['a parameter that is not there', () => call('/postgres?sort=up'), 'additional properties'],
    ['a required member that is missing', () => call('/postgres/dpg-1/recovery', post({})), 'restoreTime'],
    ['a number where a text belongs', () => call('/postgres/dpg-1/recovery', post({ restoreTime: 1 })), 'string'],
    ['a time that is none', () => call('/postgres/dpg-1/recovery', post({ restoreTime: 'noon' })), 'date-time'],
    ['a body where none belongs', () => call('/postgres/dpg-1/export', post({})), 'a body where'],
    ['no body where one belongs', () => call('/postgres/dpg-1/recovery', { method: 'POST' }), 'no body'],
  ])('counts %s as a violation of the request', async (_, action, words) => {
    expect((await violationsOf(action)).join()).toMatch(new RegExp(`^request .*${words}`))
  })

  it.each([
    ['list-postgres-export', { status: 200, body: [{ id: 7 }] }, 'string'],
    ['list-postgres-export', { status: 200 }, 'no body'],
    ['create-postgres-export', { status: 202, body: {} }, 'a body where'],
    ['create-postgres-export', { status: 201 }, 'status 201'],
  ])('counts a wrong answer of %s as a violation of the answer', async (id, wrong, words) => {
    const right = answers[id]!
    answers[id] = () => wrong
    const method = id.startsWith('create') ? 'POST' : 'GET'
    const found = await violationsOf(() => call('/postgres/dpg-1/export', { method }))
    answers[id] = right
    expect(found.join()).toMatch(new RegExp(`^answer .*${words}`))
  })

  it('asks for the token', async () => {
    const answer = await fetch(`${server.baseUrl}/postgres`, { headers: { authorization: 'Bearer other' } })
    expect(answer.status).toBe(401)
  })

  it('meets each fault once, and then works again', async () => {
    const path = '/postgres/dpg-1/recovery'
    const id = 'retrieve-postgres-recovery-info'
    server.inject(id, tooManyRequests(7))
    server.inject(id, { kind: 'text', status: 502, text: '<html>' })
    server.inject(id, { kind: 'answer', status: 200 })
    server.inject(id, { kind: 'reset' })
    server.inject(id, { kind: 'lose-answer' })
    server.inject(id, { kind: 'cut-answer' })
    server.inject(id, { kind: 'slow', delayMs: 1 })
    const found = await violationsOf(async () => {
      const limited = await call(path)
      expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7'])
      expect(await (await call(path)).text()).toBe('<html>')
      expect(await (await call(path)).text()).toBe('')
      await expect(call(path)).rejects.toThrow()
      await expect(call(path)).rejects.toThrow()
      await expect(call(path).then(answer => answer.json())).rejects.toThrow()
      expect(await (await call(path)).json()).toEqual({ recoveryStatus: 'AVAILABLE' })
    })
    expect([found, server.pending()]).toEqual([[], 0])
    expect([...server.exercised()].filter(one => one.startsWith(id))).toEqual([
      `${id} 429`,
      `${id} 502`,
      `${id} 200`,
      `${id} cut`,
    ])
  })
})
