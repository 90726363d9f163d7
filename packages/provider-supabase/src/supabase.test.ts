import {
  type BackupProvider,
  isBackupError,
  memoryStore,
  type ObjectStore,
  openLifeboat,
  resumeRecovery,
  runRecovery,
  secret,
  storeJournal,
} from '@lifeboat/core'
import { backupProviderSuite } from '@lifeboat/core/testing'
import { tooManyRequests } from '@lifeboat/testkit/api-fault'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SupabaseProvider } from './supabase.js'
import { type FakeSupabase, fileSecret, loginPassword, ref, startFakeSupabase, token } from './testing/fake-supabase.js'

let fake: FakeSupabase
beforeAll(async () => {
  fake = await startFakeSupabase()
})
afterAll(() => fake.close())
beforeEach(() => fake.reset())
afterEach(() => {
  expect(fake.server.violations).toEqual([])
  expect(fake.server.pending()).toBe(0)
})

backupProviderSuite(
  { describe, it },
  {
    name: 'supabase',
    makeProvider: () => fake.provider(),
    makeUnwelcome: () => fake.provider({ accessToken: secret.value(`sbp_${'f'.repeat(40)}`) }),
    backups: ['101', '102', '103', '104'],
    openable: '103',
    restorable: '102',
    secrets: [token, `sbp_${'f'.repeat(40)}`, fileSecret],
  },
)

const all = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = []
  for await (const one of source) found.push(one)
  return found
}
const instant = new Date('2026-11-20T10:00:00.789Z')

async function failure(call: Promise<unknown>) {
  const error: unknown = await call.then(
    () => undefined,
    thrown => thrown,
  )
  if (!isBackupError(error)) throw new Error(`it did not fail as it should: ${String(error)}`)
  return error
}

describe('making a provider', () => {
  it('asks nothing of the network, and reads no token, until the first call', async () => {
    let asked = 0
    const deps = {
      fetch: () => {
        asked++
        return Promise.reject(new Error('no network'))
      },
      sleep: async () => {},
    }
    expect(() => fake.provider({ accessToken: secret.env('LIFEBOAT_TEST_NO_SUCH_TOKEN') })).not.toThrow()
    const provider = fake.provider({ deps })
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(asked).toBe(0)
    expect(await failure(all(provider.list()))).toMatchObject({ code: 'provider-unreachable' })
    expect(asked).toBeGreaterThan(0)
  })
})

describe('listing', () => {
  it('tells kind, status and when the plan forgets each', async () => {
    fake.state.backups = [
      { id: 1, is_physical_backup: true, status: 'COMPLETED', inserted_at: '2026-11-20T04:00:00.000Z' },
      { id: 2, is_physical_backup: false, status: 'PENDING', inserted_at: '2026-11-20 05:00:00' },
    ]
    expect(await all(fake.provider().list())).toEqual([
      {
        ...{ id: '1', kind: 'physical', status: 'complete', nativeStatus: 'COMPLETED', sizeBytes: null },
        ...{ createdAt: '2026-11-20T04:00:00.000Z', expiresAt: '2026-11-27T04:00:00.000Z', restorable: true },
      },
      {
        ...{ id: '2', kind: 'logical', status: 'running', nativeStatus: 'PENDING', sizeBytes: null },
        ...{ createdAt: '2026-11-20T05:00:00.000Z', expiresAt: '2026-11-27T05:00:00.000Z', restorable: false },
      },
    ])
  })

  it('is complete also where the token may not ask for entitlements', async () => {
    fake.server.inject('v1-get-organization-entitlements', { kind: 'answer', status: 403, body: { message: 'no' } })
    const found = await all(fake.provider().list())
    expect(found).toHaveLength(4)
    expect(found.every(one => one.expiresAt === null)).toBe(true)
  })

  it('survives statuses, times and members that it does not know', async () => {
    const backups = [
      { id: 1, is_physical_backup: true, status: 'SHELVED', inserted_at: 'yesterday', colour: 'blue' },
      { id: 2, is_physical_backup: true, status: '', inserted_at: '2026-11-20' },
    ]
    fake.server.inject('v1-list-all-backups', {
      ...{ kind: 'text', status: 200, headers: { 'content-type': 'application/json' } },
      text: JSON.stringify({ region: 7, pitr_enabled: false, backups, physical_backup_data: null }),
    })
    expect(await all(fake.provider().list())).toMatchObject([
      { status: 'unknown', nativeStatus: 'SHELVED', createdAt: null, expiresAt: null },
      { status: 'unknown', createdAt: '2026-11-20T00:00:00.000Z' },
    ])
  })

  it.each([
    ['an empty body', ''],
    ['a page', '<html>sorry</html>'],
    ['another shape', '{"backups":"none"}'],
  ])('says that it does not understand %s', async (_name, text) => {
    fake.server.inject('v1-list-all-backups', { kind: 'text', status: 200, text })
    expect(await failure(all(fake.provider().list()))).toMatchObject({ code: 'provider-answer-invalid' })
  })
})

describe('opening', () => {
  it('streams a logical backup, without sending the token there', async () => {
    const chunks = await all(fake.provider().opening!.open('103'))
    expect(Buffer.concat(chunks).toString()).toBe('the archive')
  })

  it('says of a physical one that an export is the way', async () => {
    const error = await failure(all(fake.provider().opening!.open('101')))
    expect(error).toMatchObject({ code: 'provider-lacks', hint: expect.stringContaining('lifeboat backup') })
  })

  it('says the same where Supabase refuses the download', async () => {
    fake.server.inject('v2-download-project-backup', {
      ...{ kind: 'answer', status: 404, body: { error: { code: 'not_found', message: 'no file' } } },
    })
    expect(await failure(all(fake.provider().opening!.open('103')))).toMatchObject({
      code: 'provider-lacks',
      hint: expect.stringContaining('lifeboat backup'),
    })
  })
})

describe('the recovery window', () => {
  it('is what the two ends say, even with an empty list', async () => {
    fake.state.backups = []
    expect(await fake.provider().pointInTime!.window()).toMatchObject({
      status: 'available',
      earliest: '2026-11-14T12:00:00.000Z',
      latest: '2026-11-21T11:58:00.000Z',
    })
  })

  it('is none without the add-on, whatever walg_enabled says, and is prepared until there is a base backup', async () => {
    fake.state.pitr = false
    fake.state.window = undefined
    expect(await fake.provider().pointInTime!.window()).toMatchObject({ status: 'unavailable', latest: null })
    expect(await failure(fake.provider().pointInTime!.plan(instant))).toMatchObject({ code: 'provider-plan' })
    fake.state.pitr = true
    expect(await fake.provider().pointInTime!.window()).toMatchObject({ status: 'preparing', latest: null })
    expect(await failure(fake.provider().pointInTime!.plan(instant))).toMatchObject({ code: 'outside-window' })
  })
})

function newRun(provider: BackupProvider = fake.provider(), store = memoryStore()) {
  return { provider, journal: storeJournal(store, 'shop'), now: () => new Date(fake.clock.now) }
}

describe('a recovery', () => {
  it('goes back to whole seconds, and follows the project through RESTORING to its health', async () => {
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    expect(plan).toMatchObject({ to: '2026-11-20T10:00:00.000Z', confirmation: ref, place: 'in-place' })
    const states: string[] = []
    const recovered = await runRecovery(run, plan, {
      onEvent: event => {
        if (event.type === 'provider.progressed') states.push(event.state)
      },
    })
    expect(fake.restores).toMatchObject([{ what: 'pitr 1795168800' }])
    expect(states).toEqual(['ACTIVE_HEALTHY', 'RESTORING', 'ACTIVE_HEALTHY', 'asking for its health'])
    expect(recovered.notes).toEqual(['all services are healthy'])
    expect(await run.journal.read()).toBeUndefined()
  })

  it.each([
    ['a daily backup', '101', 'backup 101'],
    ['a restore point', 'restore-point:before-upgrade', 'undo before-upgrade'],
  ])('restores %s', async (_name, id, sent) => {
    const run = newRun()
    await runRecovery(run, await run.provider.restoring!.plan(id))
    expect(fake.restores).toMatchObject([{ what: sent }])
  })

  it.each([
    ['one that failed', '104', 'provider-refused'],
    ['a logical one', '103', 'provider-refused'],
    ['a restore point that is not there', 'restore-point:none', 'backup-missing'],
  ])('refuses %s before anything is sent', async (_name, id, code) => {
    expect((await failure(fake.provider().restoring!.plan(id))).code).toBe(code)
    expect(fake.restores).toEqual([])
  })

  it('refuses a project that is paused or being restored', async () => {
    for (const status of ['INACTIVE', 'RESTORING'] as const) {
      fake.state.resting = status
      expect((await failure(fake.provider().pointInTime!.plan(instant))).code).toBe('provider-conflict')
    }
  })

  it('ends as failed when the project says so, and leaves no journal', async () => {
    fake.state.endsIn = 'RESTORE_FAILED'
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    expect((await failure(runRecovery(run, plan))).code).toBe('recovery-failed')
    expect(await run.journal.read()).toBeUndefined()
  })

  it('is sent once when its answer is lost, and is taken up by its trace', async () => {
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    fake.server.inject('v1-restore-pitr-backup', { kind: 'lose-answer' })
    const error = await failure(runRecovery(run, plan))
    expect(error).toMatchObject({ code: 'provider-unreachable', message: expect.stringContaining('is not known') })
    expect(await failure(runRecovery(run, plan))).toMatchObject({ code: 'locked' })
    expect(await resumeRecovery({ ...run, provider: fake.provider() })).toMatchObject({
      notes: ['all services are healthy'],
    })
    expect(fake.restores).toHaveLength(1)
  })

  it('is taken up when it has ended before anybody looked', async () => {
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    fake.server.inject('v1-restore-pitr-backup', { kind: 'lose-answer' })
    await failure(runRecovery(run, plan))
    fake.clock.now += 24 * 3600_000
    expect(await resumeRecovery(run)).toMatchObject({ notes: ['all services are healthy'] })
    expect(fake.restores).toHaveLength(1)
  })

  it('is uncertain, not done and not sent again, when the request never arrived', async () => {
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    fake.server.inject('v1-restore-pitr-backup', { kind: 'reset' })
    await failure(runRecovery(run, plan))
    expect((await failure(resumeRecovery(run))).code).toBe('recovery-uncertain')
    expect(fake.restores).toEqual([])
  })

  it('is uncertain when Supabase took it and nothing ever happens', async () => {
    fake.state.lagMs = Number.MAX_SAFE_INTEGER
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    expect((await failure(runRecovery(run, plan))).code).toBe('recovery-uncertain')
    expect((await run.journal.read())?.phase).toBe('running')
  })

  it('runs out of time with the journal kept', async () => {
    fake.state.restoreMs = 24 * 3600_000
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    expect(await failure(runRecovery(run, plan, { timeoutMs: 600_000 }))).toMatchObject({
      code: 'timed-out',
      hint: expect.stringContaining('--resume'),
    })
    fake.clock.now += 24 * 3600_000
    expect(await resumeRecovery(run)).toBeDefined()
  })

  it('sits out trouble of the API while it follows', async () => {
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    const operation = await run.provider.pointInTime!.begin(plan)
    fake.server.inject('v1-get-project', { kind: 'answer', status: 500, body: { message: 'down' } }, 7)
    await run.provider.pointInTime!.follow(operation)
  })

  it('says which services are not healthy after it', async () => {
    fake.state.services.realtime = 'UNHEALTHY'
    const run = newRun()
    const recovered = await runRecovery(run, await run.provider.pointInTime!.plan(instant))
    expect(recovered.notes).toEqual(['realtime is UNHEALTHY'])
  })

  it('does not take a database that is not healthy for recovered', async () => {
    fake.state.services.db = 'UNHEALTHY'
    const run = newRun()
    expect((await failure(runRecovery(run, await run.provider.pointInTime!.plan(instant)))).code).toBe('timed-out')
  })

  it('refuses a journal of another project', async () => {
    const run = newRun()
    const plan = await run.provider.pointInTime!.plan(instant)
    const other = fake.provider({ projectRef: 'zzzzzzzzzzzzzzzzzzzz' })
    expect((await failure(other.pointInTime!.begin(plan))).code).toBe('config-invalid')
  })

  it('makes a restore point and waits for it', async () => {
    expect(await fake.provider().restorePoints.create('before-deploy')).toMatchObject({ status: 'AVAILABLE' })
    expect(await fake.provider().restorePoints.find()).toMatchObject({ name: 'before-deploy' })
    expect((await failure(fake.provider().restorePoints.create('x'.repeat(21)))).code).toBe('config-invalid')
  })
})

describe('checking', () => {
  const codes = async (rpoMs?: number, options = {}) =>
    (await fake.provider(options).checking!.check({ rpoMs })).map(one => `${one.severity} ${one.code}`)
  const hour = 3600_000

  it('finds nothing wrong where nothing is, but for advice', async () => {
    expect(await codes(24 * hour)).toEqual(['info provider-status'])
    expect(await codes(24 * hour, { statusUrl: null })).toEqual([])
  })

  it('is not held up by a status page that does not answer', async () => {
    expect(await codes(24 * hour, { statusUrl: 'http://127.0.0.1:9' })).toEqual([])
  })

  it('judges the age by the end of the window, where an old end may be idleness', async () => {
    fake.state.backups = []
    expect(await codes(60_000, { statusUrl: null })).toEqual(['warning provider-window-old'])
  })

  it('judges the age by the newest complete backup without the add-on', async () => {
    fake.state.pitr = false
    fake.state.window = undefined
    expect(await codes(24 * hour, { statusUrl: null })).toEqual([])
    expect(await codes(hour, { statusUrl: null })).toEqual(['critical provider-backup-too-old'])
    fake.state.backups = []
    expect(await codes(hour, { statusUrl: null })).toEqual(['critical provider-backup-missing'])
  })

  it('finds a project that is read-only, paused or being restored', async () => {
    fake.state.readOnly = { enabled: true, override_enabled: false, override_active_until: '' }
    expect(await codes(undefined, { statusUrl: null })).toEqual(['critical project-read-only'])
    fake.state.readOnly = { enabled: true, override_enabled: true, override_active_until: '2026-11-21T12:15:00Z' }
    fake.state.resting = 'INACTIVE'
    expect(await codes(undefined, { statusUrl: null })).toEqual([
      'critical project-not-healthy',
      'warning project-read-only',
    ])
  })
})

describe('connecting', () => {
  it('takes the session pooler where the direct host cannot be reached, with a role that ends by itself', async () => {
    const { url, way, expiresAt, notes } = await fake.provider().connecting!.connect()
    const address = new URL(url.read())
    expect(way).toBe('session pooler')
    expect(address.host).toBe('aws-1-eu-central-1.pooler.supabase.com:5432')
    expect(decodeURIComponent(address.username)).toBe(`cli_login_postgres.${ref}`)
    expect(decodeURIComponent(address.password)).toBe(loginPassword)
    expect(address.searchParams.get('options')).toBe('-c role=postgres')
    expect(expiresAt).toBe('2026-11-21T12:05:00.000Z')
    expect(notes).toEqual([`direct (db.${ref}.supabase.co:5432): ENETUNREACH`])
    expect(JSON.stringify({ url, notes })).not.toContain(loginPassword)
  })

  it('takes the direct host where it can', async () => {
    const provider = connectingWith(async () => true)
    expect(new URL((await provider.connecting!.connect({ readOnly: true })).url.read()).host).toBe(
      `db.${ref}.supabase.co:5432`,
    )
  })

  it('checks the server’s certificate where it is given one, and encrypts in any case', async () => {
    const modeOf = async (options: object) =>
      new URL((await fake.provider(options).connecting!.connect()).url.read()).searchParams
    expect((await modeOf({})).get('sslmode')).toBe('require')
    const checked = await modeOf({ sslRootCert: '/etc/ssl/supabase.crt' })
    expect([checked.get('sslmode'), checked.get('sslrootcert')]).toEqual(['verify-full', '/etc/ssl/supabase.crt'])
  })

  it('sends no password to a pooler outside the vendor’s domain', async () => {
    fake.state.poolerHost = 'aws-0-eu.pooler.supabase.com.example.org'
    expect((await failure(fake.provider().connecting!.connect())).code).toBe('database-unreachable')
  })

  it('names a ban where connections are refused', async () => {
    fake.state.bans = ['192.0.2.7']
    const error = await failure(connectingWith(async () => 'ECONNREFUSED').connecting!.connect())
    expect(error.hint).toContain('banned')
  })

  function connectingWith(reach: () => Promise<true | string>): SupabaseProvider {
    return fake.provider({ reach } as object)
  }
})

describe('judging a configured address', () => {
  const pooler = 'aws-1-eu-central-1.pooler.supabase.com'
  const judge = async (host: string, port: number, user: string, reach: true | string = true) => {
    const provider = fake.provider({ reach: async () => reach } as object)
    const findings = await provider.connecting!.judge!({ host, port, user })
    return findings.map(one => `${one.severity} ${one.code}: ${one.message} | ${one.hint ?? ''}`).join()
  }

  it('takes what gives a session, and says which way it is', async () => {
    expect(await judge(`db.${ref}.supabase.co`, 5432, 'postgres')).toMatch(/^info source-way: .*direct host/)
    expect(await judge(pooler, 5432, `postgres.${ref}`)).toMatch(/^info source-way: .*session pooler/)
    expect(await judge('db.example.org', 5432, 'shop')).toMatch(/^info source-way: .*no address of Supabase/)
  })

  it.each([
    ['the transaction pooler', pooler, 6543, `postgres.${ref}`],
    ['the dedicated pooler', `db.${ref}.supabase.co`, 6543, 'postgres'],
  ])('refuses %s, with the address that serves', async (_what, host, port, user) => {
    expect(await judge(host, port, user)).toMatch(
      new RegExp(
        `^critical source-through-transactions: .*use the session pooler: ${pooler}:5432, user postgres.${ref}`,
      ),
    )
  })

  it('names the session pooler where the direct host is not reached, also where the API does not tell it', async () => {
    const unreached = () => judge(`db.${ref}.supabase.co`, 5432, 'postgres', 'ENETUNREACH')
    expect(await unreached()).toMatch(/^critical source-unreachable: .*ENETUNREACH.*user postgres\./)
    fake.server.inject('v1-get-pooler-config', { kind: 'answer', status: 403, body: { message: 'no' } })
    expect(await unreached()).toMatch(/^critical source-unreachable: .*in the dashboard/)
  })

  it('finds another project, and a pooler’s user without one', async () => {
    expect(await judge('db.zzzzzzzzzzzzzzzzzzzz.supabase.co', 5432, 'postgres')).toMatch(
      /^critical source-of-another-project/,
    )
    expect(await judge(pooler, 5432, 'postgres')).toMatch(new RegExp(`^critical .*write the user as postgres.${ref}`))
  })
})

describe('the root key', () => {
  it('is read, and put back', async () => {
    const rootKey = fake.provider().keeping!
    const saved = await rootKey.read()
    fake.state.rootKey = 'f'.repeat(64)
    await rootKey.putBack(`${saved}\n`)
    expect(fake.state.rootKey).toBe(saved)
    expect((await failure(rootKey.putBack('abc'))).code).toBe('config-invalid')
  })
})

describe('the schedule', () => {
  it('is read, and is unknown where the plan does not show it', async () => {
    expect(await fake.provider().schedule()).toEqual({ timeOfDay: '04:00:00' })
    fake.state.schedule = { status: 402, body: { message: 'upgrade' } }
    expect(await fake.provider().schedule()).toBeUndefined()
  })
})

/** Every operation that the package uses, by a call that ends in it. */
const operations: readonly (readonly [string, (provider: SupabaseProvider) => Promise<unknown>])[] = [
  ['v1-get-project', p => p.checking!.check()],
  ['v1-list-all-backups', p => all(p.list())],
  ['v1-get-restore-point', p => p.restorePoints.find()],
  ['v1-create-restore-point', p => p.restorePoints.create('x')],
  ['v1-get-backup-schedule', p => p.schedule()],
  ['v1-get-pgsodium-config', p => p.keeping!.read()],
  ['v1-update-pgsodium-config', p => p.keeping!.putBack('a'.repeat(64))],
  ['v1-get-pooler-config', p => p.connecting!.connect()],
  ['v1-create-login-role', p => p.connecting!.connect()],
  ['v1-restore-pitr-backup', async p => p.pointInTime!.begin(await p.pointInTime!.plan(instant))],
  ['v1-restore-physical-backup', async p => p.restoring!.begin(await p.restoring!.plan('102'))],
  ['v1-undo', async p => p.restoring!.begin(await p.restoring!.plan('restore-point:before-upgrade'))],
  [
    'v1-get-services-health',
    async p => p.pointInTime!.follow(await p.pointInTime!.begin(await p.pointInTime!.plan(instant))),
  ],
  ['v2-download-project-backup', p => all(p.opening!.open('103'))],
]

const refusals = [
  [400, 'provider-refused'],
  [401, 'provider-auth-failed'],
  [402, 'provider-plan'],
  [403, 'provider-forbidden'],
  [404, 'provider-not-found'],
  [409, 'provider-conflict'],
  [422, 'provider-refused'],
  [429, 'provider-rate-limited'],
  [500, 'provider-unreachable'],
] as const

describe.each(operations)('%s', (id, call) => {
  const v2 = id.startsWith('v2-')
  const body = v2 ? { error: { code: 'x', message: `no ${token}` } } : { message: `no ${token}` }

  it.each(refusals)('has a code and a hint for %s, and shows no token', async (status, code) => {
    const times = status === 500 ? 5 : 1
    const before = fake.restores.length
    if (status === 429) fake.server.inject(id, tooManyRequests(3600, body))
    else fake.server.inject(id, { kind: 'answer', status, body }, times)
    const error = await call(fake.provider()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    // Faults that one call did not need: what must not be sent twice was sent once.
    const left = fake.server.pending()
    for (let i = 0; i < left; i++) await fetch(`${fake.server.baseUrl}${pathOf(id)}`, requestOf(id)).catch(() => {})
    if (tolerated(id, status)) return
    expect(error).toMatchObject({ code: expected(id, status, code) })
    if (!isBackupError(error)) throw new Error('not ours')
    expect(error.hint).toBeTruthy()
    expect(`${error.message} ${error.hint} ${error.stack} ${String(error.cause)}`).not.toContain(token)
    expect(fake.restores.length).toBe(before + (id === 'v1-get-services-health' ? 1 : 0))
    if (status === 500 && /restore-p|undo/.test(id) && !/get|create/.test(id)) expect(left).toBe(4)
  })

  it('waits as long as a 429 asks for, and then goes on', async () => {
    fake.server.inject(id, tooManyRequests(7, body))
    const before = fake.clock.now
    await call(fake.provider())
    expect(fake.clock.now - before).toBeGreaterThanOrEqual(7_000)
  })
})

/** What an answer means for a call, where that is not the error itself. */
function tolerated(id: string, status: number): boolean {
  if (id === 'v1-get-backup-schedule') return status === 402 || status === 404
  if (id === 'v1-get-restore-point') return status === 404
  if (id === 'v1-get-services-health') return status === 429 || status === 500
  return false
}

function expected(id: string, status: number, code: string): string {
  if (id === 'v1-restore-pitr-backup' && status === 422) return 'outside-window'
  if (id === 'v2-download-project-backup' && [400, 402, 404, 422].includes(status)) return 'provider-lacks'
  return code
}

function pathOf(id: string): string {
  const base = `/v1/projects/${ref}/database/backups`
  if (id === 'v1-restore-pitr-backup') return `${base}/restore-pitr`
  if (id === 'v1-restore-physical-backup') return `${base}/restore`
  if (id === 'v1-undo') return `${base}/undo`
  return `${base}/restore-point`
}

function requestOf(id: string): RequestInit {
  const bodies: Record<string, unknown> = {
    'v1-restore-pitr-backup': { recovery_time_target_unix: 1 },
    'v1-restore-physical-backup': { id: 1 },
    'v1-undo': { name: 'x' },
    'v1-create-restore-point': { name: 'x' },
  }
  return {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(bodies[id]),
  }
}

/** Operations whose answers help and are not needed: whatever they say, the call comes to its end. */
const helping: readonly (readonly [string, (provider: SupabaseProvider) => Promise<unknown>])[] = [
  ['v1-get-organization-entitlements', p => all(p.list())],
  ['v1-get-readonly-mode-status', p => p.checking!.check()],
  ['v1-read-only-query', p => p.pointInTime!.plan(instant)],
  [
    'v1-list-all-network-bans',
    async () => {
      const nowhere = fake.provider({ reach: async () => 'ECONNREFUSED' } as object)
      expect((await failure(nowhere.connecting!.connect())).code).toBe('database-unreachable')
    },
  ],
]

describe.each(helping)('%s', (id, call) => {
  it.each(refusals)('does not stop anything with %s', async status => {
    const body = { message: 'no' }
    if (status === 429) fake.server.inject(id, tooManyRequests(3600, body))
    else fake.server.inject(id, { kind: 'answer', status, body }, status === 500 ? 5 : 1)
    await call(fake.provider())
  })
})

describe('the operations', () => {
  it('are all exercised with success, against the document', async () => {
    for (const [id, call] of [...operations, ...helping]) {
      fake.reset()
      await call(fake.provider())
      const succeeded = [...fake.server.exercised()].some(one => one === `${id} 200` || one === `${id} 201`)
      expect([id, succeeded]).toEqual([id, true])
    }
  })
})

describe('through the library', () => {
  async function openShop(stores: readonly ObjectStore[]) {
    return openLifeboat({
      products: {
        shop: {
          source: { url: secret.value('postgres://nobody@127.0.0.1:1/none') },
          encryption: { passphrase: secret.value('correct horse battery') },
          destinations: Object.fromEntries(stores.map((store, index) => [`store-${index}`, { store }])),
          provider: fake.provider(),
        },
      },
    })
  }

  it('lists, plans, recovers once, and has nothing left to resume', async () => {
    const lifeboat = await openShop([memoryStore()])
    expect(await lifeboat.providerBackups('shop')).toMatchObject({
      provider: 'supabase',
      backups: [{ id: '103' }, { id: '102' }, { id: '101' }, { id: '104' }],
      window: { status: 'available' },
    })
    const plan = await lifeboat.planRecovery('shop', { at: instant })
    expect((await lifeboat.recover('shop', plan)).notes).toEqual(['all services are healthy'])
    expect(await lifeboat.resumeRecovery('shop')).toBeUndefined()
    expect(fake.restores).toHaveLength(1)
  })

  it('finds the journal of another process also in the second store, and forgets it when told to', async () => {
    const stores = [memoryStore(), memoryStore()] as const
    fake.state.lagMs = Number.MAX_SAFE_INTEGER
    const first = await openShop([stores[1]])
    const plan = await first.planRecovery('shop', { at: instant })
    await failure(first.recover('shop', plan))
    const second = await openShop(stores)
    expect((await failure(second.recover('shop', plan))).code).toBe('locked')
    expect(await second.forgetRecovery('shop')).toBe(true)
    expect(await second.forgetRecovery('shop')).toBe(false)
    expect(fake.restores).toHaveLength(1)
  })

  it('recovers although one of the stores is down, with a warning', async () => {
    const down: ObjectStore = {
      ...memoryStore(),
      // biome-ignore lint/correctness/useYield: a store that is down yields nothing
      async *get() {
        throw new Error('the store is down')
      },
    }
    const lifeboat = await openShop([down, memoryStore()])
    const warnings: string[] = []
    const plan = await lifeboat.planRecovery('shop', { at: instant })
    await lifeboat.recover('shop', plan, {
      onEvent: event => {
        if (event.type === 'warning.raised') warnings.push(event.message)
      },
    })
    expect(warnings.join()).toContain('journal')
  })

  it('keeps the root key encrypted in every store, and puts it back', async () => {
    const stores = [memoryStore(), memoryStore()] as const
    const lifeboat = await openShop(stores)
    const kept = await lifeboat.keepSecret('shop')
    expect(kept.locations).toHaveLength(2)
    for (const store of stores) {
      const bytes = Buffer.concat(await all(store.get(kept.key)))
      expect(bytes.toString('latin1')).not.toContain(fake.state.rootKey)
    }
    const saved = fake.state.rootKey
    fake.state.rootKey = 'e'.repeat(64)
    expect(await lifeboat.putSecretBack('shop')).toMatchObject({ key: kept.key })
    expect(fake.state.rootKey).toBe(saved)
    const other = await openShop([memoryStore()])
    expect((await failure(other.putSecretBack('shop'))).code).toBe('backup-missing')
  })
})
