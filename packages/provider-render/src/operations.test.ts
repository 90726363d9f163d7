import { type BackupError, isBackupError, type ProviderCallOptions } from '@lifeboat/core'
import type { RenderService } from '@lifeboat/testkit/render-service'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RenderProvider } from './render.js'
import { listed, withRender } from './testing/with-render.js'

let service: RenderService
let provider: RenderProvider
beforeAll(async () => {
  ;({ service, provider } = await withRender({}, { exportTimeoutMs: 600_000 }))
})
afterAll(() => service.close())

const at = () => new Date(service.now() - 3_600_000)

async function recovery() {
  const plan = await provider.pointInTime!.plan(at(), { rehearsal: true })
  return provider.pointInTime!.begin(plan)
}

/** Calls that end in the operation, and come to it whatever they do before. */
const calls: Readonly<Record<string, (options: ProviderCallOptions) => Promise<unknown>>> = {
  'list-postgres': options => listed(provider.instances(options)),
  'retrieve-postgres': options => provider.promises!(options),
  'retrieve-postgres-connection-info': options => provider.connecting!.connect(options),
  'retrieve-postgres-recovery-info': options => provider.pointInTime!.window(options),
  'recover-postgres': async options => provider.pointInTime!.begin(await provider.pointInTime!.plan(at()), options),
  'delete-postgres': async options => provider.recovered!.discard(await recovery(), options),
  'list-postgres-export': options => listed(provider.list(options)),
  'create-postgres-export': options => provider.creating!.create(options),
  'retrieve-service': options => provider.maintenance!.services(options),
  'suspend-service': async options => {
    service.services.get('srv-web')!.suspended = 'not_suspended'
    service.services.get('srv-web')!.suspenders = []
    await provider.maintenance!.pause('srv-web', options)
  },
  'resume-service': async options => {
    service.services.get('srv-web')!.suspended = 'suspended'
    service.services.get('srv-web')!.suspenders = ['user']
    await provider.maintenance!.resume('srv-web', options)
  },
}

const ids = Object.keys(calls)
const reading = new Set(ids.filter(id => id.startsWith('list-') || id.startsWith('retrieve-')))

async function failure(call: Promise<unknown>): Promise<BackupError> {
  const error: unknown = await call.then(
    value => value,
    raised => raised,
  )
  if (!isBackupError(error)) throw new Error(`no error of ours: ${JSON.stringify(error)}`)
  return error
}

const refusals: readonly (readonly [number, string])[] = [
  [400, 'provider-refused'],
  [401, 'provider-auth-failed'],
  [402, 'provider-plan'],
  [403, 'provider-forbidden'],
  [404, 'provider-not-found'],
  [406, 'provider-refused'],
  [409, 'provider-conflict'],
  [410, 'provider-not-found'],
  [422, 'provider-refused'],
]

describe.each(ids)('%s', id => {
  it('succeeds', async () => {
    await calls[id]!({})
    const wanted = {
      'delete-postgres': 204,
      'create-postgres-export': 202,
      'suspend-service': 202,
      'resume-service': 202,
    }
    expect(service.server.exercised()).toContain(`${id} ${wanted[id as keyof typeof wanted] ?? 200}`)
  })

  it.each(refusals)('maps %s to a code, with a hint and the words of the answer', async (status, code) => {
    // Deleting what is gone is done.
    if (id === 'delete-postgres' && (status === 404 || status === 410)) {
      service.server.inject(id, { kind: 'answer', status, body: { message: 'gone' } })
      await calls[id]!({}).catch(() => {})
    } else {
      service.server.inject(id, { kind: 'answer', status, body: { message: 'words of the service' } })
      const error = await failure(calls[id]!({}))
      expect(error.code).toBe(code)
      expect(error.message).toContain('words of the service')
      expect(error.hint).toBeTruthy()
    }
    expect(service.server.pending()).toBe(0)
  })

  it('waits as long as a 429 asks, then goes on', async () => {
    service.server.inject(id, {
      kind: 'answer',
      status: 429,
      body: { message: 'slow down' },
      headers: { 'retry-after': '17' },
    })
    const before = service.now()
    await calls[id]!({})
    expect(service.now() - before).toBeGreaterThanOrEqual(17_000)
    expect(service.server.pending()).toBe(0)
  })

  it('says so when a 429 asks for an hour', async () => {
    service.server.inject(id, { kind: 'answer', status: 429, body: {}, headers: { 'retry-after': '3600' } })
    expect((await failure(calls[id]!({}))).code).toBe('provider-rate-limited')
  })

  it('survives 5xx, a page, and a lost connection where repeating is safe; else asks once', async () => {
    const asked = () => service.server.requests.filter(one => one.operationId === id).length
    for (const fault of [
      { kind: 'answer', status: 503 },
      { kind: 'text', status: 502, text: '<html>Bad gateway' },
      { kind: 'reset' },
    ] as const) {
      service.server.inject(id, fault)
      const before = asked()
      if (id === 'recover-postgres') {
        expect((await failure(calls[id]!({}))).code).toBe('provider-unreachable')
        expect(asked()).toBe(before + 1)
      } else if (id === 'create-postgres-export') {
        // Nobody knows whether it started: it is looked for, and never started twice.
        expect((await failure(calls[id]!({}))).message).toContain('no new export shows')
        expect(asked()).toBe(before + 1)
      } else await calls[id]!({})
      expect(service.server.pending()).toBe(0)
    }
  })

  it('is not confused by bodies that are empty or not JSON', async () => {
    for (const fault of [
      { kind: 'answer', status: 200 },
      { kind: 'text', status: 200, text: 'not { JSON' },
    ] as const) {
      service.server.inject(id, fault)
      // What changes something answers without a body; here nothing was changed, and that shows in the end.
      const code = reading.has(id) ? 'provider-answer-invalid' : 'timed-out'
      expect((await failure(calls[id]!({}))).code).toBe(code)
      expect(service.server.pending()).toBe(0)
    }
  })
})

describe('the package', () => {
  it('called no operation beside these, and departed from the document nowhere', () => {
    const called = new Set(service.server.requests.map(one => one.operationId))
    expect([...called].sort()).toEqual([...ids].sort())
    expect(service.server.violations).toEqual([])
  })

  it('shows its key in no error', async () => {
    const said: string[] = []
    for (const id of ids) {
      service.server.inject(id, {
        kind: 'answer',
        status: 403,
        body: { message: `key ${service.token} or rnd_Another1` },
      })
      const error = await failure(calls[id]!({}))
      said.push(`${error.message} ${error.hint} ${error.stack} ${JSON.stringify(error)}`)
    }
    expect(said.join('\n')).not.toMatch(/rnd_/)
  })
})
