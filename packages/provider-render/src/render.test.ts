import { memoryStore, resumeRecovery, runRecovery, secret, storeJournal } from '@lifeboat/core'
import type { RenderService } from '@lifeboat/testkit/render-service'
import { afterAll, describe, expect, it } from 'vitest'
import { render } from './render.js'
import { listed, providerOn, withRender } from './testing/with-render.js'

const started: RenderService[] = []
async function start(...options: Parameters<typeof withRender>) {
  const found = await withRender(...options)
  started.push(found.service)
  return found
}
afterAll(async () => {
  for (const service of started) {
    expect(service.server.violations).toEqual([])
    await service.close()
  }
})

const hour = 3_600_000

describe('a provider on Render', () => {
  it('touches nothing before its first call', () => {
    const apiKey = secret.env('LIFEBOAT_TEST_NO_SUCH_KEY')
    expect(() => render({ postgresId: 'dpg-1', apiKey, apiUrl: 'https://127.0.0.1:1/v1' })).not.toThrow()
  })

  it('asks nothing of the network until then', async () => {
    let asked = 0
    const deps = {
      fetch: () => {
        asked++
        return Promise.reject(new Error('no network'))
      },
      sleep: async () => {},
    }
    const provider = render({ postgresId: 'dpg-1', apiKey: secret.value('rnd_x'), services: ['srv-web'], deps })
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(asked).toBe(0)
    await expect(listed(provider.list())).rejects.toMatchObject({ code: 'provider-unreachable' })
    expect(asked).toBeGreaterThan(0)
  })

  it.each([
    ['an id that is none', { postgresId: 'postgres://x' }],
    ['a service that is none', { services: ['srv/../x'] }],
    ['an address in clear', { apiUrl: 'http://api.example.org' }],
  ])('refuses %s', (_, wrong) => {
    expect(() => render({ postgresId: 'dpg-1', apiKey: secret.value('rnd_x'), ...wrong })).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    )
  })

  it('pages through every instance, once each', async () => {
    const { service, provider } = await start()
    const source = service.instances.get(service.sourceId)!
    for (let i = 0; i < 250; i++) service.instances.set(`dpg-${i}`, { ...source, id: `dpg-${i}`, name: `n${i}` })
    const ids = (await listed(provider.instances())).map(one => one.id)
    expect(new Set(ids).size).toBe(251)
    expect(ids.length).toBe(251)
    expect(service.server.requests.length).toBe(3)
  })

  it('lets words through that are new at Render', async () => {
    const { service, provider } = await start()
    const text = JSON.stringify([
      {
        cursor: 'c',
        postgres: {
          id: 'dpg-9',
          name: 'n',
          status: 'hibernating',
          createdAt: 'x',
          plan: 'pico',
          region: 'moon',
          role: 'witness',
        },
      },
    ])
    service.server.inject('list-postgres', { kind: 'text', status: 200, text })
    expect(await listed(provider.instances())).toMatchObject([{ status: 'hibernating', plan: 'pico', region: 'moon' }])
  })

  it('connects from outside, over TLS, and keeps the address a secret', async () => {
    const { provider } = await start()
    const { url } = await provider.connecting!.connect()
    expect(url.read()).toMatch(/^postgres:\/\/shop:s3cr%40t@.*\?sslmode=require$/)
    expect(JSON.stringify({ url })).not.toContain('s3cr')
    const closed = await start({ addressOf: () => '' })
    await expect(closed.provider.connecting!.connect()).rejects.toMatchObject({ code: 'provider-refused' })
  })
})

describe('the recovery window', () => {
  it('ends ten minutes ago', async () => {
    const { service, provider } = await start()
    const window = await provider.pointInTime!.window()
    expect(window).toMatchObject({ status: 'available', earliest: service.recoveryInfo.startsAt })
    expect(Date.parse(window.latest!)).toBe(service.now() - 600_000)
  })

  it.each([
    ['BACKUP_NOT_READY', 'preparing'],
    ['NOT_AVAILABLE', 'unavailable'],
  ])('%s is %s', async (word, status) => {
    const { service, provider } = await start()
    service.recoveryInfo.recoveryStatus = word
    expect(await provider.pointInTime!.window()).toMatchObject({ status, earliest: null, latest: null })
    await expect(provider.pointInTime!.plan(new Date(service.now() - hour))).rejects.toMatchObject({
      code: 'outside-window',
    })
  })

  it('is used under a word that is new, as long as it has a start', async () => {
    const { service, provider } = await start()
    const info = { recoveryStatus: 'AVAILABLE_SOON', startsAt: service.recoveryInfo.startsAt }
    service.server.inject('retrieve-postgres-recovery-info', { kind: 'text', status: 200, text: JSON.stringify(info) })
    const window = await provider.pointInTime!.window()
    expect(window.status).toBe('available')
    expect(window.notes.join()).toContain('AVAILABLE_SOON')
  })

  it('is taken for three days long where Render does not say when it starts', async () => {
    const { service, provider } = await start()
    service.recoveryInfo.startsAt = undefined
    const window = await provider.pointInTime!.window()
    expect(Date.parse(window.latest!) - Date.parse(window.earliest!)).toBe(72 * hour)
  })

  it('of a new instance opens after ten minutes', async () => {
    const { service, provider } = await start()
    service.recoveryInfo.startsAt = new Date(service.now() - 60_000).toISOString()
    expect((await provider.pointInTime!.window()).status).toBe('preparing')
  })
})

describe('a recovery', () => {
  const journalOf = () => storeJournal(memoryStore(), 'shop')
  const now = (service: RenderService) => () => new Date(service.now())

  it('makes a new instance of the plan that was chosen, and tells how it may be reached', async () => {
    const { service, provider } = await start({}, { recoveryPlan: 'pro_8gb' })
    const at = new Date(service.now() - hour)
    const plan = await provider.pointInTime!.plan(at)
    expect(plan).toMatchObject({ place: 'new-instance', confirmation: service.sourceId })
    expect(plan.cost).toContain('pro_8gb')
    const states: string[] = []
    const done = await runRecovery({ provider, journal: journalOf(), now: now(service) }, plan, {
      onEvent: event => event.type === 'provider.progressed' && states.push(event.state),
    })
    const made = service.instances.get(done.instance!)!
    expect(made).toMatchObject({ recoveredFrom: service.sourceId, restoreTime: at.toISOString(), plan: 'pro_8gb' })
    expect(new Set(states)).toEqual(new Set(['recovery_in_progress', 'available']))
    expect(done.notes.join()).toContain('no address outside Render')
    expect(done.notes.join()).toContain(`postgres://shop@${done.instance}.postgres.example.org/shop?sslmode=require`)
  })

  it('reads a list of allowed addresses that is null', async () => {
    const { service, provider } = await start()
    const plan = await provider.pointInTime!.plan(new Date(service.now() - hour))
    const text = JSON.stringify({
      id: 'dpg-new',
      name: plan.details.restoreName,
      status: 'available',
      createdAt: 'x',
      ipAllowList: null,
    })
    service.server.inject('recover-postgres', { kind: 'text', status: 200, text })
    const operation = await provider.pointInTime!.begin(plan)
    service.server.inject('retrieve-postgres', { kind: 'text', status: 200, text })
    expect((await provider.pointInTime!.follow(operation)).notes.join()).toContain('no address outside Render')
  })

  it('whose answer was lost is found again by its name, and never sent twice', async () => {
    const { service, provider } = await start()
    const journal = journalOf()
    const run = { provider, journal, now: now(service) }
    const plan = await provider.pointInTime!.plan(new Date(service.now() - hour))
    service.server.inject('recover-postgres', { kind: 'lose-answer' })
    await expect(runRecovery(run, plan)).rejects.toMatchObject({ code: 'provider-unreachable' })
    const again = { ...run, provider: providerOn(service) }
    expect((await resumeRecovery(again))?.instance).toMatch(/^dpg-recovered/)
    expect([...service.instances.values()].filter(one => one.recoveredFrom !== null).length).toBe(1)
    expect(await journal.read()).toBeUndefined()
  })

  it('accepted without a body is found by its name', async () => {
    const { service, provider } = await start()
    const plan = await provider.pointInTime!.plan(new Date(service.now() - hour))
    service.instances.set('dpg-late', {
      ...service.instances.get(service.sourceId)!,
      id: 'dpg-late',
      name: String(plan.details.restoreName),
    })
    service.server.inject('recover-postgres', { kind: 'answer', status: 200 })
    expect((await provider.pointInTime!.begin(plan)).details).toEqual({ instanceId: 'dpg-late' })
  })

  it('that is answered with the source itself is refused', async () => {
    const { service, provider } = await start()
    const plan = await provider.pointInTime!.plan(new Date(service.now() - hour))
    const text = JSON.stringify({ id: service.sourceId, name: 'shop', status: 'available', createdAt: 'x' })
    service.server.inject('recover-postgres', { kind: 'text', status: 200, text })
    await expect(provider.pointInTime!.begin(plan)).rejects.toMatchObject({ code: 'provider-answer-invalid' })
  })

  it('that Render gives up, or whose instance is gone, has failed', async () => {
    const { service, provider } = await start({ recoveryBecomes: () => 'recovery_failed' })
    const plan = await provider.pointInTime!.plan(new Date(service.now() - hour))
    const operation = await provider.pointInTime!.begin(plan)
    await expect(provider.pointInTime!.follow(operation)).rejects.toMatchObject({ code: 'recovery-failed' })
    service.instances.delete(String(operation.details.instanceId))
    await expect(provider.pointInTime!.follow(operation)).rejects.toMatchObject({
      code: 'recovery-failed',
      message: expect.stringContaining('gone'),
    })
  })

  it('is followed through minutes of errors, and given back when the time is over', async () => {
    const { service, provider } = await start({ recoveryLooks: () => 1_000_000 })
    const operation = await provider.pointInTime!.begin(
      await provider.pointInTime!.plan(new Date(service.now() - hour)),
    )
    service.server.inject('retrieve-postgres', { kind: 'answer', status: 503 }, 20)
    await expect(provider.pointInTime!.follow(operation, { timeoutMs: hour })).rejects.toMatchObject({
      code: 'timed-out',
    })
    expect(service.server.pending()).toBe(0)
  })
})

describe('what a rehearsal made', () => {
  it('is removed, and removed again', async () => {
    const { service, provider } = await start()
    const operation = await provider.pointInTime!.begin(
      await provider.pointInTime!.plan(new Date(service.now() - hour), { rehearsal: true }),
    )
    await provider.recovered!.discard(operation)
    await provider.recovered!.discard(operation)
    expect(service.deleted).toEqual([operation.details.instanceId])
  })

  it('is never taken for the source, nor for an instance of another name', async () => {
    const { service, provider } = await start()
    const operation = await provider.pointInTime!.begin(
      await provider.pointInTime!.plan(new Date(service.now() - hour), { rehearsal: true }),
    )
    service.instances.set('dpg-other', { ...service.instances.get(service.sourceId)!, id: 'dpg-other' })
    for (const instanceId of [service.sourceId, 'dpg-other', null]) {
      const forged = { ...operation, details: { instanceId } }
      await expect(provider.recovered!.discard(forged), String(instanceId)).rejects.toMatchObject({
        code: 'provider-refused',
      })
    }
    const elsewhere = {
      ...operation,
      plan: {
        ...operation.plan,
        details: { ...operation.plan.details, sourceId: String(operation.details.instanceId) },
      },
    }
    await expect(provider.recovered!.discard(elsewhere)).rejects.toMatchObject({ code: 'provider-refused' })
    // A recovery that was meant stays, also for a note in the store that says otherwise.
    const meant = await provider.pointInTime!.begin(await provider.pointInTime!.plan(new Date(service.now() - hour)))
    await expect(provider.recovered!.discard(meant)).rejects.toMatchObject({ code: 'provider-refused' })
    const victim = { ...service.instances.get(service.sourceId)!, id: 'dpg-victim', name: 'billing' }
    service.instances.set('dpg-victim', victim)
    const planted = {
      ...operation,
      ...{ plan: { ...operation.plan, details: { ...operation.plan.details, restoreName: 'billing' } } },
      details: { instanceId: 'dpg-victim' },
    }
    await expect(provider.recovered!.discard(planted)).rejects.toMatchObject({ code: 'provider-refused' })
    expect(service.deleted).toEqual([])
  })
})

describe('exports', () => {
  it('are found by difference, followed until they have an address, and listed with their end', async () => {
    const { service, provider } = await start({ exportLooks: () => 4 })
    service.exports.push({
      id: 'exp-old',
      createdAt: new Date(service.now() - 8 * 24 * hour).toISOString(),
      looksLeft: 0,
    })
    const made = await provider.creating!.create()
    expect(made).toMatchObject({ status: 'complete', kind: 'export' })
    expect(Date.parse(made.expiresAt!) - Date.parse(made.createdAt!)).toBe(7 * 24 * hour)
    expect((await listed(provider.list())).map(one => [one.id, one.status])).toEqual([
      ['exp-old', 'gone'],
      [made.id, 'complete'],
    ])
    await expect(listed(provider.opening!.open('exp-old'))).rejects.toMatchObject({ code: 'backup-missing' })
  })

  it('whose start got no answer are looked for, and started once', async () => {
    const { service, provider } = await start()
    service.server.inject('create-postgres-export', { kind: 'lose-answer' })
    expect((await provider.creating!.create()).id).toBe('exp-1')
    expect(service.exports.length).toBe(1)
  })

  it('that never get an address are let go when the time is over', async () => {
    const { provider } = await start({ exportLooks: () => Number.POSITIVE_INFINITY })
    await expect(provider.creating!.create({ timeoutMs: hour })).rejects.toMatchObject({
      code: 'timed-out',
      hint: expect.stringContaining('--existing'),
    })
    await expect(listed(provider.opening!.open('exp-1'))).rejects.toMatchObject({ code: 'provider-conflict' })
  })

  it('are downloaded without the key, and their address shows nowhere', async () => {
    const { service, provider } = await start()
    const { id } = await provider.creating!.create()
    expect(Buffer.concat(await listed(provider.opening!.open(id))).toString()).toBe(`export ${id}`)
    expect(service.downloads.map(one => one.authorization)).toEqual([undefined])
    const faults: NonNullable<RenderService['downloadFault']>[] = [
      response => response.writeHead(403).end('expired'),
      response => response.writeHead(500).end(),
      response => response.socket!.resetAndDestroy(),
      response => {
        response.writeHead(200, { 'content-length': 100 })
        response.write('half', () => response.destroy())
      },
    ]
    for (const [index, fault] of faults.entries()) {
      service.downloadFault = fault
      const error: unknown = await listed(provider.opening!.open(id)).catch((raised: unknown) => raised)
      const code = index === 0 ? 'provider-refused' : 'provider-unreachable'
      expect(error, `fault ${index}`).toMatchObject({ code })
      const { message, hint, stack, cause } = error as Error & { hint?: string }
      expect(`${message} ${hint} ${stack} ${String(cause)}`).not.toMatch(/s3cr3t|signature/)
    }
    const controller = new AbortController()
    service.downloadFault = response =>
      void response.writeHead(200).write('begin', () => controller.abort(new Error('enough')))
    await expect(listed(provider.opening!.open(id, { signal: controller.signal }))).rejects.toThrow('enough')
  })
})

describe('services', () => {
  it('that something else holds are neither paused nor resumed', async () => {
    const { service, provider } = await start()
    const web = service.services.get('srv-web')!
    Object.assign(web, { suspended: 'suspended', suspenders: ['billing', 'user'] })
    expect(await provider.maintenance!.services()).toMatchObject([{ state: 'held' }])
    await provider.maintenance!.pause('srv-web')
    await expect(provider.maintenance!.resume('srv-web')).rejects.toMatchObject({
      code: 'provider-conflict',
      message: expect.stringContaining('billing'),
    })
    expect(service.server.requests.some(one => one.method === 'POST')).toBe(false)
  })

  it('are asked for until it shows, also when the answer was lost', async () => {
    const { service, provider } = await start({ serviceLooks: () => 5 })
    service.server.inject('suspend-service', { kind: 'lose-answer' })
    await provider.maintenance!.pause('srv-web')
    expect(service.services.get('srv-web')).toMatchObject({ suspended: 'suspended', suspenders: ['user'] })
    await expect(provider.maintenance!.pause('srv-other')).rejects.toMatchObject({ code: 'provider-not-found' })
  })

  it('are a power only where some are configured', async () => {
    const { service } = await start()
    expect(providerOn(service, { services: [] }).maintenance).toBeUndefined()
  })
})

describe('the check', () => {
  const codes = async (provider: ReturnType<typeof render>, rpoMs?: number) =>
    (await provider.checking!.check({ rpoMs })).map(one => `${one.severity} ${one.code}`)

  it('finds nothing where all is well, and takes the end of the window for the age', async () => {
    const { provider } = await start()
    expect(await codes(provider, hour)).toEqual([])
    expect(await codes(provider, 60_000)).toEqual(['critical provider-backup-too-old'])
  })

  it('judges exports where there is no window', async () => {
    const { service, provider } = await start()
    service.recoveryInfo.recoveryStatus = 'NOT_AVAILABLE'
    expect(await codes(provider)).toEqual(['critical provider-backup-missing'])
    service.exports.push({ id: 'e', createdAt: new Date(service.now() - 30 * hour).toISOString(), looksLeft: 0 })
    expect(await codes(provider, 48 * hour)).toEqual([])
    expect(await codes(provider, 24 * hour)).toEqual(['critical provider-backup-too-old'])
  })

  it.each([
    ['suspended', 'critical instance-suspended'],
    ['maintenance_in_progress', 'info instance-state'],
    ['unavailable', 'warning instance-state'],
  ])('says that the instance is %s', async (status, code) => {
    const { service, provider } = await start()
    Object.assign(service.instances.get(service.sourceId)!, { status, becomes: status })
    expect(await codes(provider)).toEqual([code])
  })

  it('passes the status page on as advice, and does not wait for one that is silent', async () => {
    const { service, provider } = await start()
    const page = { status: { indicator: 'major', description: 'Partial outage' }, incidents: [{ name: 'Frankfurt' }] }
    service.statusPage = { status: 200, body: JSON.stringify(page) }
    const [advice] = await provider.checking!.check()
    expect(advice).toMatchObject({
      severity: 'info',
      code: 'provider-status',
      message: expect.stringContaining('Frankfurt'),
    })
    service.statusPage = { status: 500, body: '' }
    expect(await codes(provider)).toEqual([])
    expect(await codes(providerOn(service, { statusUrl: 'http://127.0.0.1:9' }))).toEqual([])
    expect(await codes(providerOn(service, { statusUrl: null }))).toEqual([])
  })
})
