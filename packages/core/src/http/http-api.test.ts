import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { secret } from '../config/secret.js'
import { BackupError } from '../errors/backup-error.js'
import { callFor, httpApi, poll, readStatusPage, redactor } from './index.js'

type Answer = (request: IncomingMessage & { body: string }, response: ServerResponse) => void

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A service that gives the answers in turn, the last one for ever. */
async function service(...answers: Answer[]) {
  const requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    requests.push({ method: request.method!, url: request.url!, headers: request.headers, body })
    const answer = answers[Math.min(requests.length, answers.length) - 1]!
    answer(Object.assign(request, { body }), response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(
    () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

const says =
  (status: number, body = '', headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, headers)
    response.end(body)
  }

const token = 'sbp_0123456789abcdef0123456789abcdef01234567'

function apiAt(url: string, more: Partial<Parameters<typeof httpApi>[0]> = {}) {
  const slept: number[] = []
  const api = httpApi({
    service: 'Example',
    baseUrl: url,
    token: secret.value(token),
    deps: {
      sleep: async (ms, signal) => {
        signal?.throwIfAborted()
        slept.push(ms)
      },
      random: () => 1,
      now: () => Date.parse('2026-11-21T12:00:00Z'),
    },
    ...more,
  })
  return { api, slept }
}

const failure = async (call: Promise<unknown>): Promise<BackupError> => {
  const error: unknown = await call.then(
    () => undefined,
    thrown => thrown,
  )
  expect(error).toBeInstanceOf(BackupError)
  return error as BackupError
}

describe('httpApi', () => {
  it('sends the token, the query and the body, and reads JSON', async () => {
    const { url, requests } = await service(says(200, '{"a":1}'))
    const answer = await apiAt(url).api.call({
      method: 'POST',
      path: '/v1/x',
      query: { q: 'ä b', s: ['a', 'b'] },
      body: { at: 5 },
    })
    expect(answer).toMatchObject({ status: 200, body: { a: 1 } })
    expect(requests[0]).toMatchObject({ method: 'POST', url: '/v1/x?q=%C3%A4+b&s=a&s=b', body: '{"at":5}' })
    expect(requests[0]!.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    })
  })

  it.each([
    ['nothing', ''],
    ['blanks', ' \n'],
  ])('survives a body of %s', async (_name, body) => {
    const { url } = await service(says(201, body))
    expect((await apiAt(url).api.call({ method: 'POST', path: '/x' })).body).toBeUndefined()
  })

  it('survives a body that is not JSON', async () => {
    const { url } = await service(says(200, '<html>hello</html>', { 'content-type': 'application/json' }))
    expect((await apiAt(url).api.call({ method: 'GET', path: '/x' })).body).toBe('<html>hello</html>')
  })

  it.each([
    [400, 'provider-refused'],
    [401, 'provider-auth-failed'],
    [402, 'provider-plan'],
    [403, 'provider-forbidden'],
    [404, 'provider-not-found'],
    [409, 'provider-conflict'],
    [418, 'provider-refused'],
    [422, 'provider-refused'],
    [429, 'provider-rate-limited'],
    [500, 'provider-unreachable'],
    [503, 'provider-unreachable'],
    [302, 'provider-refused'],
  ])('%s is %s, with a hint and the service’s words', async (status, code) => {
    const { url } = await service(says(status, '{"message":"no\\u001b[31m such luck"}'))
    const error = await failure(apiAt(url).api.call({ method: 'GET', path: '/v1/thing' }))
    expect(error.code).toBe(code)
    expect(error.hint).toBeTruthy()
    expect(error.message).toContain(`GET /v1/thing: ${status}`)
    expect(error.message).toContain('no [31m such luck')
  })

  it('says the words of nested errors, and nothing of a page', async () => {
    const nested = await service(says(403, '{"error":{"code":"x","message":"denied"}}'))
    expect((await failure(apiAt(nested.url).api.call({ method: 'GET', path: '/x' }))).message).toMatch(/: denied$/)
    const page = await service(says(403, '<html><body>Attention'))
    expect((await failure(apiAt(page.url).api.call({ method: 'GET', path: '/x' }))).message).not.toContain('Attention')
  })

  it('shows no token, its own or another, whatever the service answers', async () => {
    const other = 'sbp_ffffffffffffffffffffffffffffffffffffffff'
    const { url } = await service(
      says(400, JSON.stringify({ message: `Bearer ${token} and ${other} at postgres://u:s3cr@t@h/db` })),
    )
    const error = await failure(
      apiAt(url, { secretShapes: [/sbp_[a-f0-9]{40}/] }).api.call({ method: 'GET', path: `/x/${token}` }),
    )
    const shown = `${error.message} ${error.hint} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`
    for (const word of [token, other, 's3cr@t']) expect(shown).not.toContain(word)
  })

  it('waits as long as Retry-After says, in seconds or until a date, also for a POST', async () => {
    const { url, requests } = await service(
      says(429, '', { 'retry-after': '7' }),
      says(429, '', { 'retry-after': 'Sat, 21 Nov 2026 12:00:09 GMT' }),
      says(429, '', { 'x-ratelimit-reset': '11' }),
      says(429, '', { 'ratelimit-reset': String(Date.parse('2026-11-21T12:00:13Z') / 1000) }),
      says(201),
    )
    const { api, slept } = apiAt(url)
    await api.call({ method: 'POST', path: '/x' })
    expect(slept).toEqual([7_000, 9_000, 11_000, 13_000])
    expect(requests).toHaveLength(5)
  })

  it('gives up at once when it would have to wait too long', async () => {
    const { url, requests } = await service(says(429, '', { 'retry-after': '3600' }))
    const { api, slept } = apiAt(url)
    expect((await failure(api.call({ method: 'GET', path: '/x' }))).code).toBe('provider-rate-limited')
    expect(slept).toEqual([])
    expect(requests).toHaveLength(1)
  })

  it('repeats what is idempotent after 5xx, with growing waits, and at most five times', async () => {
    const { url, requests } = await service(says(503))
    const { api, slept } = apiAt(url)
    await failure(api.call({ method: 'GET', path: '/x' }))
    expect(requests).toHaveLength(5)
    expect(slept).toEqual([1_000, 2_000, 4_000, 8_000])
  })

  it('sends a POST once when nobody knows whether it worked', async () => {
    const broken = await service(says(500))
    await failure(apiAt(broken.url).api.call({ method: 'POST', path: '/restore' }))
    expect(broken.requests).toHaveLength(1)
    const cut = await service((request, _response) => request.socket.destroy())
    expect((await failure(apiAt(cut.url).api.call({ method: 'POST', path: '/restore' }))).code).toBe(
      'provider-unreachable',
    )
    expect(cut.requests).toHaveLength(1)
  })

  it('sends a POST again when the connection was refused', async () => {
    const { url } = await service(says(201))
    for (const close of closers.splice(0)) await close()
    const { api, slept } = apiAt(url)
    const error = await failure(api.call({ method: 'POST', path: '/x' }))
    expect(error.code).toBe('provider-unreachable')
    expect(slept).toHaveLength(4)
  })

  it('gives up a silent attempt by its time limit, and a call by its signal', async () => {
    const silent = await service(() => {})
    const { api, slept } = apiAt(silent.url, { timeoutMs: 30, attempts: 2 })
    expect((await failure(api.call({ method: 'GET', path: '/x' }))).message).toContain('no answer in time')
    expect(slept).toHaveLength(1)
    const reason = new Error('enough')
    const controller = new AbortController()
    const call = apiAt(silent.url).api.call({ method: 'GET', path: '/x', signal: controller.signal })
    setTimeout(() => controller.abort(reason), 20)
    await expect(call).rejects.toBe(reason)
  })

  it('gives the refusals that are accepted as answers', async () => {
    const { url } = await service(says(404, '{"message":"none"}'))
    expect((await apiAt(url).api.call({ method: 'GET', path: '/x', accept: [404] })).status).toBe(404)
  })

  it('takes the vendor’s own reading of a refusal', async () => {
    const { url } = await service(says(400, '{"message":"PITR is not enabled"}'))
    const { api } = apiAt(url, { explain: () => ({ code: 'provider-plan', hint: 'buy it' }) })
    expect(await failure(api.call({ method: 'GET', path: '/x' }))).toMatchObject({
      code: 'provider-plan',
      hint: 'buy it',
    })
  })

  it('reads the token at each call and says when there is none', async () => {
    const { url, requests } = await service(says(200))
    const { api } = apiAt(url, { token: secret.env('LIFEBOAT_TEST_NO_SUCH_TOKEN') })
    expect((await failure(api.call({ method: 'GET', path: '/x' }))).code).toBe('secret-missing')
    expect(requests).toHaveLength(0)
  })

  it.each(['http://api.example.org', 'nonsense', 'https://u:p@api.example.org', 'https://api.example.org/?a=b'])(
    'refuses the address %s',
    baseUrl => {
      expect(() => httpApi({ service: 'Example', baseUrl })).toThrow(/the address of the API/)
    },
  )
})

describe('callFor', () => {
  it('names what it does not understand by its path, never by its value', async () => {
    const { url } = await service(says(200, '{"list":[{"id":"very secret"}]}'))
    const schema = z.object({ list: z.array(z.object({ id: z.number() })) })
    const error = await failure(callFor(apiAt(url).api, schema, { method: 'GET', path: '/x' }))
    expect(error).toMatchObject({ code: 'provider-answer-invalid' })
    expect(error.message).toContain('list.0.id')
    expect(error.message).not.toContain('very secret')
  })
})

describe('readStatusPage', () => {
  it('reads the indicator and the incidents, whatever words they use', async () => {
    const { url, requests } = await service(
      says(
        200,
        JSON.stringify({ status: { indicator: 'purple', description: 'odd' }, incidents: [{ name: 'a\u001bb' }] }),
      ),
    )
    expect(await readStatusPage(url)).toEqual({ indicator: 'purple', description: 'odd', incidents: ['a b'] })
    expect(requests[0]!.headers.authorization).toBeUndefined()
  })

  it.each([
    ['a refusal', says(500)],
    ['a page', says(200, '<html>')],
    ['silence', () => {}],
    ['something else', says(200, '{"ok":true}')],
  ])('makes nothing of %s', async (_name, answer) => {
    const { url } = await service(answer)
    expect(await readStatusPage(url, { timeoutMs: 30 })).toBeUndefined()
  })

  it('ends with the reason of its signal', async () => {
    const { url } = await service(() => {})
    await expect(readStatusPage(url, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
  })
})

describe('poll', () => {
  it('looks until there is something, and until the time is over', async () => {
    let now = 0
    const sleep = async (ms: number) => {
      now += ms
    }
    const deps = { now: () => now, sleep }
    let looks = 0
    const options = { what: 'it', everyMs: 10, timeoutMs: 100, deps }
    expect(await poll(async () => (++looks === 5 ? 'seen' : undefined), options)).toBe('seen')
    await expect(poll(async () => undefined, options)).rejects.toMatchObject({ code: 'timed-out' })
  })
})

describe('redactor', () => {
  it('cuts secrets as they are and percent-encoded', () => {
    const cut = redactor(['p@ss/word'], [/rnd_\w+/])
    expect(cut('p@ss/word p%40ss%2Fword rnd_abc rnd_def')).toBe('[redacted] [redacted] [redacted] [redacted]')
  })
})
