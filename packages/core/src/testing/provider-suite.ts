import assert from 'node:assert/strict'
import { errorCodes } from '../errors/error-code.js'
import type { BackupProvider, ProviderBackup, ProviderCallOptions } from '../provider/backup-provider.js'
import type { SuiteRunner } from './object-store-suite.js'

const timeoutMs = 300_000

/** The provider under test, over a place that the subject controls. */
export interface ProviderSubject {
  /** How the tests are titled: `memory`, `supabase`. */
  readonly name: string
  /**
   * Makes a provider over a fresh place that holds at least two backups, two of them complete; where the provider pages,
   * more than a page of them. Called once per test.
   */
  readonly makeProvider: () => Promise<BackupProvider> | BackupProvider
  /** The ids of the backups in a fresh place. */
  readonly backups: readonly string[]
  /** One of them that can be opened; needed where the provider opens. */
  readonly openable?: string | undefined
  /** One of them that can be restored; needed where the provider restores. */
  readonly restorable?: string | undefined
  /** A provider over a place that refuses its credentials; not for providers that need none. */
  readonly makeUnwelcome?: (() => Promise<BackupProvider> | BackupProvider) | undefined
  /** What must never show up: tokens, passwords. */
  readonly secrets?: readonly string[] | undefined
}

const noSuchId = '999999999'

/**
 * The conformance suite of {@link BackupProvider}: every sentence of its contract as a test. It asserts with
 * `node:assert/strict` and takes the runner's `describe` and `it`. Powers that the provider lacks are not asked for.
 */
export function backupProviderSuite(runner: SuiteRunner, subject: ProviderSubject): void {
  const test = (name: string, body: (provider: BackupProvider) => Promise<void>) =>
    runner.it(name, async () => body(await subject.makeProvider()), timeoutMs)

  runner.describe(`backup provider: ${subject.name}`, () => {
    test('has a name and a place that can be shown', async provider => {
      assert.match(provider.name, /^[a-z][a-z0-9-]*$/)
      assert.notEqual(provider.location, '')
      assertNoSecret(provider, subject)
    })

    test('has its powers whole or not at all', async provider => {
      const powers: Record<string, readonly string[]> = {
        creating: ['create'],
        opening: ['open'],
        restoring: ['plan', 'begin', 'rejoin', 'follow'],
        pointInTime: ['window', 'plan', 'begin', 'rejoin', 'follow'],
        removing: ['remove'],
        maintenance: ['services', 'pause', 'resume'],
        recovered: ['connect', 'discard'],
        checking: ['check'],
        connecting: ['connect'],
        keeping: ['read', 'putBack'],
      }
      for (const [power, calls] of Object.entries(powers)) {
        const found = provider[power as keyof BackupProvider] as Record<string, unknown> | undefined
        if (found === undefined) continue
        for (const call of calls) assert.equal(typeof found[call], 'function', `${power}.${call}`)
      }
    })

    test('lists every backup once, each told in full', async provider => {
      const found = await listed(provider)
      assert.deepEqual(found.map(one => one.id).sort(), [...subject.backups].sort())
      for (const backup of found) assertTold(backup)
      assertNoSecret(found, subject)
    })

    test('lists the same again, and stops when the reader has enough', async provider => {
      for await (const _ of provider.list()) break
      assert.equal((await listed(provider)).length, subject.backups.length)
    })

    test('does nothing when the signal is aborted beforehand, and says why', async provider => {
      const reason = new Error('the operator changed their mind')
      const signal = AbortSignal.abort(reason)
      for (const [name, call] of readings(provider, subject))
        await assert.rejects(call({ signal }), (error: unknown) => error === reason, name)
      for (const [name, call] of changes(provider, subject))
        await assert.rejects(call({ signal }), (error: unknown) => error === reason, name)
      assert.equal((await listed(provider)).length, subject.backups.length)
    })

    test('knows the codes of its own errors, and none for what is not its own', async provider => {
      assert.equal(provider.classify(new Error('somebody else’s')), undefined)
      assert.equal(provider.classify(undefined), undefined)
      assert.equal(provider.classify('text'), undefined)
    })

    test('is honest about backups that are not there', async provider => {
      if (provider.opening) {
        const { opening } = provider
        await assertFails(provider, () => drain(opening.open(noSuchId)), 'backup-missing', subject)
      }
      if (provider.restoring) {
        const { restoring } = provider
        await assertFails(provider, () => restoring.plan(noSuchId), 'backup-missing', subject)
      }
      await provider.removing?.remove(noSuchId)
    })

    test('opens what it lists', async provider => {
      if (!provider.opening) return
      assert.ok(subject.openable, 'the subject names no backup that can be opened')
      assert.ok((await drain(provider.opening.open(subject.openable))) > 0)
    })

    test('makes a backup that is then listed', async provider => {
      if (!provider.creating) return
      const made = await provider.creating.create()
      assertTold(made)
      assert.equal(made.status, 'complete')
      assert.ok((await listed(provider)).some(one => one.id === made.id))
    })

    test('forgets a backup, and forgets it again', async provider => {
      if (!provider.removing) return
      const [first, ...others] = subject.backups
      await provider.removing.remove(first!)
      await provider.removing.remove(first!)
      assert.deepEqual((await listed(provider)).map(one => one.id).sort(), [...others].sort())
    })

    test('plans, begins and follows a restore to its end, and takes it up again', async provider => {
      if (!provider.restoring) return
      assert.ok(subject.restorable, 'the subject names no backup that can be restored')
      await recover(provider.restoring, await provider.restoring.plan(subject.restorable), subject)
    })

    test('goes back to an instant inside its window, and refuses one outside', async provider => {
      if (!provider.pointInTime) return
      const window = await provider.pointInTime.window()
      assert.equal(window.status, 'available', 'the subject’s place must have a window')
      const earliest = Date.parse(window.earliest ?? '')
      const latest = Date.parse(window.latest ?? '')
      assert.ok(earliest < latest)
      const { pointInTime } = provider
      for (const outside of [earliest - 5_000, latest + 3600_000])
        await assertFails(provider, () => pointInTime.plan(new Date(outside)), 'outside-window', subject)
      await recover(pointInTime, await pointInTime.plan(new Date((earliest + latest) / 2)), subject)
    })

    test('removes what a recovery into a new instance made, and nothing else', async provider => {
      if (!provider.recovered || !provider.pointInTime) return
      const { pointInTime, recovered } = provider
      const window = await pointInTime.window()
      const at = new Date((Date.parse(window.earliest ?? '') + Date.parse(window.latest ?? '')) / 2)
      const operation = await pointInTime.begin(await pointInTime.plan(at, { rehearsal: true }))
      await pointInTime.follow(operation)
      assertNoSecret(await recovered.connect(operation), subject)
      const meant = await pointInTime.begin(await pointInTime.plan(at))
      await assertFails(provider, () => recovered.discard(meant), 'provider-refused', subject)
      const forged = { ...operation, details: { ...operation.plan.details } }
      await assertFails(provider, () => recovered.discard(forged), 'provider-refused', subject)
      for (let round = 0; round < 2; round++) await recovered.discard(operation)
      assert.equal(await pointInTime.rejoin(operation.plan, new Date(operation.begunAt)), undefined, 'it is gone')
    })

    test('pauses and resumes what writes, and again', async provider => {
      if (!provider.maintenance) return
      const { maintenance } = provider
      const running = (await maintenance.services()).find(one => one.state === 'running')
      assert.ok(running, 'the subject’s place must have a service that runs')
      const state = async () => (await maintenance.services()).find(one => one.id === running.id)?.state
      for (let round = 0; round < 2; round++) await maintenance.pause(running.id)
      assert.equal(await state(), 'paused')
      for (let round = 0; round < 2; round++) await maintenance.resume(running.id)
      assert.equal(await state(), 'running')
    })

    test('names a moment, finds it, and plans to go back to it', async provider => {
      if (!provider.restorePoints) return
      const { restorePoints, restoring } = provider
      assert.ok(restoring, 'what can be named can be gone back to')
      assert.equal(await restorePoints.find('none-such'), undefined)
      const made = await restorePoints.create('suite')
      assert.equal(made.available, true)
      assertPlain(made)
      assert.deepEqual(await restorePoints.find('suite'), made)
      assert.equal((await restorePoints.find())?.name, 'suite')
      const plan = await restoring.plan(made.backup)
      assert.equal(plan.kind, 'restore-point')
      assertNoSecret([made, plan], subject)
    })

    test('says when it makes backups by itself', async provider => {
      const schedule = await provider.schedule?.()
      if (schedule) assert.match(schedule.timeOfDay, /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/)
    })

    test('checks itself, and finds values', async provider => {
      if (!provider.checking) return
      const findings = await provider.checking.check({ rpoMs: 1 })
      for (const { severity, code, message } of findings) {
        assert.ok(['critical', 'warning', 'info'].includes(severity), severity)
        assert.match(code, /^[a-z][a-z0-9-]+$/)
        assert.notEqual(message, '')
      }
      assertPlain(findings)
      assertNoSecret(findings, subject)
    })

    if (subject.makeUnwelcome) {
      const { makeUnwelcome } = subject
      runner.it(
        'says that its credentials are refused, without showing them',
        async () => {
          const provider = await makeUnwelcome()
          await assertFails(provider, () => listed(provider), 'provider-auth-failed', subject)
        },
        timeoutMs,
      )
    }
  })
}

type Call = (options: ProviderCallOptions) => Promise<unknown>

function readings(provider: BackupProvider, subject: ProviderSubject): [string, Call][] {
  const { opening, pointInTime, restoring, maintenance, checking } = provider
  const calls: [string, Call][] = [['list', options => listed(provider, options)]]
  if (opening) calls.push(['open', options => drain(opening.open(subject.openable ?? noSuchId, options))])
  if (restoring) calls.push(['restoring.plan', options => restoring.plan(subject.restorable ?? noSuchId, options)])
  if (pointInTime) {
    calls.push(['window', options => pointInTime.window(options)])
    calls.push(['pointInTime.plan', options => pointInTime.plan(new Date(), options)])
  }
  if (maintenance) calls.push(['services', options => maintenance.services(options)])
  if (checking) calls.push(['check', options => checking.check(options)])
  const { restorePoints, connecting } = provider
  if (restorePoints) calls.push(['restorePoints.find', options => restorePoints.find(undefined, options)])
  if (provider.schedule) calls.push(['schedule', async options => provider.schedule?.(options)])
  if (connecting?.judge) {
    const address = { host: 'db.example.org', port: 5432, user: 'shop' }
    calls.push(['judge', async options => connecting.judge?.(address, options)])
  }
  return calls
}

function changes(provider: BackupProvider, subject: ProviderSubject): [string, Call][] {
  const { creating, removing, maintenance } = provider
  const calls: [string, Call][] = []
  if (creating) calls.push(['create', options => creating.create(options)])
  if (provider.restorePoints)
    calls.push(['restorePoints.create', async options => provider.restorePoints?.create('x', options)])
  if (removing) calls.push(['remove', options => removing.remove(subject.backups[0]!, options)])
  if (maintenance) {
    calls.push(['pause', options => maintenance.pause('any', options)])
    calls.push(['resume', options => maintenance.resume('any', options)])
  }
  return calls
}

async function recover(
  power: NonNullable<BackupProvider['restoring' | 'pointInTime']>,
  plan: Awaited<ReturnType<NonNullable<BackupProvider['restoring']>['plan']>>,
  subject: ProviderSubject,
): Promise<void> {
  assertPlain(plan)
  assert.notEqual(plan.confirmation, '')
  const operation = await power.begin(plan)
  assertPlain(operation)
  assert.deepEqual(operation.plan, plan)
  const again = await power.rejoin(plan, new Date(operation.begunAt))
  assert.deepEqual(again?.plan, plan, 'what has just begun can be taken up')
  const recovered = await power.follow(operation)
  assertPlain(recovered)
  assert.equal(recovered.instance === null, plan.place === 'in-place')
  assertNoSecret([plan, operation, recovered], subject)
}

function assertTold(backup: ProviderBackup): void {
  assert.notEqual(backup.id, '')
  assert.ok(['dump', 'physical', 'logical', 'export', 'restore-point'].includes(backup.kind), backup.kind)
  assert.ok(['complete', 'running', 'failed', 'gone', 'unknown'].includes(backup.status), backup.status)
  assert.notEqual(backup.nativeStatus, '')
  for (const time of [backup.createdAt, backup.expiresAt])
    if (time !== null) assert.equal(new Date(time).toISOString(), time)
  assert.ok(backup.sizeBytes === null || backup.sizeBytes >= 0)
  assertPlain(backup)
}

function assertPlain(value: unknown): void {
  assert.deepEqual(JSON.parse(JSON.stringify(value)), value, 'it must survive being written down')
}

function assertNoSecret(value: unknown, { secrets = [] }: ProviderSubject): void {
  const shown = JSON.stringify(value) ?? ''
  for (const secret of secrets) assert.ok(!shown.includes(secret), 'a secret shows')
}

async function assertFails(
  provider: BackupProvider,
  call: () => Promise<unknown>,
  code: string,
  subject: ProviderSubject,
): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.equal(provider.classify(error), code)
    assert.ok((errorCodes as readonly string[]).includes(code))
    const { message, hint, stack } = error as { message?: unknown; hint?: unknown; stack?: unknown }
    assertNoSecret([message, hint, stack], subject)
    return true
  })
}

async function listed(provider: BackupProvider, options?: ProviderCallOptions): Promise<ProviderBackup[]> {
  const found: ProviderBackup[] = []
  for await (const backup of provider.list(options)) found.push(backup)
  return found
}

async function drain(source: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0
  for await (const chunk of source) bytes += chunk.byteLength
  return bytes
}
