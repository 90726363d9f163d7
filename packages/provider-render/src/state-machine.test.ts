import {
  type BackupProvider,
  endRehearsal,
  isBackupError,
  memoryStore,
  type ObjectStore,
  type PauseWork,
  rehearseRecovery,
  resumeAbandoned,
  resumeRecovery,
  runRecovery,
  storeJournal,
  withServicesPaused,
} from '@lifeboat/core'
import type { ApiFault } from '@lifeboat/testkit/api-fault'
import { type RenderService, startRenderService } from '@lifeboat/testkit/render-service'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { providerOn } from './testing/with-render.js'

const hour = 3_600_000
const leaseMs = 10 * 60_000
const runs = 1_000

/** What a process does, what goes wrong meanwhile, and when it is killed. */
interface Step {
  readonly action: 'recover' | 'take up' | 'rehearse' | 'export' | 'restore, paused' | 'restore, resuming' | 'doctor'
  /** The work of a rehearsal or restore fails. */
  readonly workFails: boolean
  /** After so many requests and store calls the process is gone; null for a process that lives. */
  readonly killedAfter: number | null
  readonly faults: readonly {
    readonly operationId: string | undefined
    readonly fault: ApiFault
    readonly times: number
  }[]
  readonly recoveryLooks: number
  readonly recoveryBecomes: 'available' | 'recovery_failed'
  /** 1,000 is longer than anybody waits. */
  readonly exportLooks: number
}

const operations = [
  ...['recover-postgres', 'retrieve-postgres', 'list-postgres', 'delete-postgres', 'create-postgres-export'],
  ...['list-postgres-export', 'suspend-service', 'resume-service', 'retrieve-service'],
  'retrieve-postgres-connection-info',
]
const anyFault: fc.Arbitrary<ApiFault> = fc.oneof(
  fc.constantFrom('1', '30', '400').map(seconds => ({
    ...({ kind: 'answer', status: 429, body: { message: 'slow down' }, headers: { 'retry-after': seconds } } as const),
  })),
  fc.constantFrom<ApiFault>(
    { kind: 'answer', status: 503, body: { message: 'down' } },
    { kind: 'answer', status: 500 },
    { kind: 'text', status: 200, text: '<html>' },
    { kind: 'reset' },
    { kind: 'lose-answer' },
    { kind: 'cut-answer' },
  ),
)
const anyStep: fc.Arbitrary<Step> = fc.record({
  action: fc.constantFrom<Step['action']>(
    'recover',
    'recover',
    'take up',
    'rehearse',
    'rehearse',
    'export',
    'restore, paused',
    'restore, resuming',
    'doctor',
  ),
  workFails: fc.boolean(),
  killedAfter: fc.option(fc.integer({ min: 0, max: 25 }), { freq: 2 }),
  faults: fc.array(
    fc.record({
      operationId: fc.option(fc.constantFrom(...operations), { nil: undefined, freq: 4 }),
      fault: anyFault,
      times: fc.constantFrom(1, 1, 2, 7),
    }),
    { maxLength: 3 },
  ),
  recoveryLooks: fc.constantFrom(0, 2, 5),
  recoveryBecomes: fc.constantFrom('available', 'available', 'recovery_failed'),
  exportLooks: fc.constantFrom(1, 3, 1_000),
})

describe('any sequence of recoveries, rehearsals, exports and restores', () => {
  let service: RenderService
  beforeAll(async () => {
    service = await startRenderService({ services: ['srv-web', 'srv-worker'] })
  })
  afterAll(() => service.close())

  it(`${runs} times, through faults and dead processes: loses no instance, restores nothing twice, leaves no service paused`, async () => {
    const seen = { killed: 0, recovered: 0, refused: 0, removed: 0, taken: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 5 }), async steps => {
        const world = newWorld(service)
        for (const step of steps) seen.killed += await perform(world, step)
        await settle(world)
        judge(world)
        seen.recovered += world.known.size
        seen.refused += world.failures
        seen.removed += service.deleted.length
        seen.taken += world.takenUp
      }),
      { numRuns: runs, seed: 20_261_121 },
    )
    expect(service.server.violations).toEqual([])
    // The sequences came to the places that they are for.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(20)
  })
})

interface World {
  readonly service: RenderService
  readonly store: ObjectStore
  /** Instances that a caller was told of, or that an error named. */
  readonly known: Set<string>
  /** Names that rehearsals gave. */
  readonly rehearsed: Set<string>
  exportsBegun: number
  failures: number
  takenUp: number
}

function newWorld(service: RenderService): World {
  service.reset()
  service.server.forget()
  return {
    service,
    store: memoryStore(),
    known: new Set(),
    rehearsed: new Set(),
    exportsBegun: 0,
    failures: 0,
    takenUp: 0,
  }
}

/** A process: a provider and a store that stop answering for good after so many calls. */
interface Life {
  readonly provider: BackupProvider
  readonly store: ObjectStore
  readonly dead: Promise<'dead'>
}

function live({ service, store }: World, killedAfter: number | null): Life {
  let left = killedAfter ?? Number.POSITIVE_INFINITY
  let die: (word: 'dead') => void = () => {}
  const dead = new Promise<'dead'>(resolve => {
    die = resolve
  })
  const breathe = async () => {
    if (left-- > 0) return
    die('dead')
    await new Promise(() => {})
  }
  const fetching: typeof fetch = async (input, init) => {
    await breathe()
    const answer = await fetch(input, init)
    // Killed between the order and its answer: the service has done its work.
    await breathe()
    return answer
  }
  return {
    dead,
    provider: providerOn(service, { deps: { ...service.deps, fetch: fetching }, exportTimeoutMs: 5 * 60_000 }),
    store: {
      ...store,
      put: async (...args) => {
        await breathe()
        return store.put(...args)
      },
      remove: async (...args) => {
        await breathe()
        return store.remove(...args)
      },
    },
  }
}

/** Performs a step; 1 when the process was killed. */
async function perform(world: World, step: Step): Promise<number> {
  const { service } = world
  Object.assign(service.knobs, {
    recoveryLooks: () => step.recoveryLooks,
    recoveryBecomes: () => step.recoveryBecomes,
    exportLooks: () => step.exportLooks,
  })
  for (const { operationId, fault, times } of step.faults) service.server.inject(operationId, fault, times)
  const life = live(world, step.killedAfter)
  const notesBefore = await pauseNotes(world)
  const outcome = await Promise.race([
    life.dead,
    act(world, life, step).catch((error: unknown) => failed(world, error)),
  ])
  service.server.forget()
  // A process that lives, and to which nothing goes wrong but its work, leaves nothing to others.
  if (outcome !== 'dead' && step.faults.length === 0) expect(await pauseNotes(world)).toBeLessThanOrEqual(notesBefore)
  // Sooner or later somebody looks; only after the lease is a silent process taken for dead.
  await service.deps.sleep(outcome === 'dead' ? leaseMs + 60_000 : 1_000)
  return outcome === 'dead' ? 1 : 0
}

async function pauseNotes({ store }: World): Promise<number> {
  let count = 0
  for await (const _ of store.list('shop/pauses/')) count += 1
  return count
}

const runOf = ({ service }: World, { provider, store }: Life, purpose: 'recovery' | 'rehearsal') => ({
  ...{ provider, journal: storeJournal(store, 'shop', purpose), leaseMs },
  now: () => new Date(service.now()),
  sleep: (ms: number) => service.deps.sleep(ms),
})

const pausing = ({ service }: World, { provider, store }: Life): PauseWork => ({
  ...{ product: 'shop', provider, stores: [store], leaseMs, now: () => new Date(service.now()) },
})

async function act(world: World, life: Life, step: Step): Promise<void> {
  const { service } = world
  const at = new Date(service.now() - hour)
  const work = async () => {
    if (step.workFails) throw new Error('the work failed')
  }
  if (step.action === 'recover') {
    const plan = await life.provider.pointInTime!.plan(at)
    note(world, await runRecovery(runOf(world, life, 'recovery'), plan))
  } else if (step.action === 'take up') {
    const taken = await resumeRecovery(runOf(world, life, 'recovery'))
    if (taken) note(world, taken)
    world.takenUp += taken ? 1 : 0
  } else if (step.action === 'rehearse') {
    const plan = await life.provider.pointInTime!.plan(at, { rehearsal: true })
    world.rehearsed.add(String(plan.details.restoreName))
    await rehearseRecovery(runOf(world, life, 'rehearsal'), plan, work)
  } else if (step.action === 'export') {
    world.exportsBegun += 1
    await life.provider.creating!.create()
  } else if (step.action === 'doctor') {
    await resumeAbandoned(pausing(world, life))
    await endRehearsal(runOf(world, life, 'rehearsal'))
  } else await withServicesPaused(pausing(world, life), work, { adopt: step.action === 'restore, resuming' })
}

function note(world: World, { instance }: { readonly instance: string | null }): void {
  world.known.add(instance!)
}

/** A recovery that failed names what it made. */
function failed(world: World, error: unknown): void {
  world.failures += 1
  if (!isBackupError(error) && (error as Error).message !== 'the work failed') throw error
  const named = isBackupError(error, 'recovery-failed') ? /dpg-recovered-\d+/.exec(error.message)?.[0] : undefined
  if (named !== undefined) world.known.add(named)
}

/** Once nothing goes wrong any more: the next doctor, and the next who takes the recovery up. */
async function settle(world: World): Promise<void> {
  const { service } = world
  Object.assign(service.knobs, { recoveryLooks: () => 0, recoveryBecomes: () => 'available', exportLooks: () => 1 })
  await service.deps.sleep(2 * hour)
  const life = live(world, null)
  await resumeAbandoned(pausing(world, life))
  await endRehearsal(runOf(world, life, 'rehearsal'))
  try {
    const taken = await resumeRecovery(runOf(world, life, 'recovery'))
    if (taken) note(world, taken)
    world.takenUp += taken ? 1 : 0
  } catch (error) {
    if (!isBackupError(error, 'recovery-uncertain')) return failed(world, error)
    // "Nothing shows that it began" must be true.
    const record = await storeJournal(world.store, 'shop').read()
    const plan = record?.phase === 'beginning' ? record.plan : undefined
    const made = [...service.instances.values()].filter(one => one.name === plan?.details.restoreName)
    expect(made).toEqual([])
  }
}

function judge({ service, known, rehearsed, exportsBegun }: World): void {
  const made = [...service.instances.values()].filter(one => one.recoveredFrom !== null)
  // None is lost: a caller knows it, or it is gone.
  expect(made.filter(one => !known.has(one.id)).map(one => one.name)).toEqual([])
  // What a rehearsal made is gone.
  expect(made.filter(one => rehearsed.has(one.name))).toEqual([])
  // Nothing was restored twice: one instance, or none, for each plan.
  expect(new Set(made.map(one => one.name)).size).toBe(made.length)
  // The source was not touched.
  expect(service.deleted).not.toContain(service.sourceId)
  expect(service.instances.has(service.sourceId)).toBe(true)
  // Everything that writes is running again.
  for (const one of service.services.values())
    expect([one.id, one.becomes ?? one.suspended]).toEqual([one.id, 'not_suspended'])
  expect(service.exports.length).toBeLessThanOrEqual(exportsBegun)
}
