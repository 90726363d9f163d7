import {
  isBackupError,
  memoryStore,
  type ObjectStore,
  type OperationJournal,
  type Recovered,
  type RecoveryPlan,
  resumeRecovery,
  runRecovery,
  storeJournal,
} from '@lifeboat/core'
import { tooManyRequests } from '@lifeboat/testkit/api-fault'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FakeSupabase, startFakeSupabase } from '../testing/fake-supabase.js'

let fake: FakeSupabase
beforeAll(async () => {
  fake = await startFakeSupabase()
})
afterAll(() => fake.close())

const pollEveryMs = 60_000
const message = { message: 'trouble' }

/** Trouble that one request meets; which request it is, chance says. */
const fault = fc.oneof(
  fc.record({
    kind: fc.constant('storm' as const),
    times: fc.integer({ min: 1, max: 4 }),
    seconds: fc.integer({ min: 1, max: 90 }),
  }),
  fc.record({ kind: fc.constant('down' as const), times: fc.integer({ min: 1, max: 8 }) }),
  fc.constant({ kind: 'send-lost' as const }),
  fc.constant({ kind: 'send-unheard' as const }),
  fc.constant({ kind: 'send-refused' as const }),
  fc.constant({ kind: 'send-broken' as const }),
)

/** How a process ends: cancelled at its n-th wait, killed at its n-th touch of the journal, or by itself. */
const end = fc.oneof(
  fc.record({ kind: fc.constant('cancelled' as const), at: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ kind: fc.constant('killed' as const), at: fc.integer({ min: 1, max: 3 }), written: fc.boolean() }),
  fc.constant({ kind: 'itself' as const }),
)

const sequence = fc.record({
  lagMs: fc.constantFrom(0, 5_000, 45_000, 400_000),
  restoreMs: fc.constantFrom(1_000, 60_000, 900_000),
  endsIn: fc.constantFrom('ACTIVE_HEALTHY' as const, 'ACTIVE_HEALTHY' as const, 'RESTORE_FAILED' as const),
  tells: fc.boolean(),
  kind: fc.constantFrom('instant' as const, 'backup' as const),
  faults: fc.array(fault, { maxLength: 3 }),
  processes: fc.array(fc.record({ end, idleMs: fc.constantFrom(0, 20_000, 3_600_000) }), { maxLength: 4 }),
})

type Of<A> = A extends fc.Arbitrary<infer T> ? T : never

class Killed extends Error {}

it('recovers at most once, in 1,000 sequences of slow restores, 429 storms, lost answers, and processes that end at any point', async () => {
  const seen = { recovered: 0, failed: 0, uncertain: 0, refused: 0, runs: 0 }
  await fc.assert(
    fc.asyncProperty(sequence, async plan => {
      seen.runs++
      await play(plan, seen)
    }),
    { numRuns: 1000, seed: 20261121 },
  )
  // The sequences are of no use unless they reach each of the ends.
  expect(seen.recovered).toBeGreaterThan(100)
  expect(seen.failed).toBeGreaterThan(50)
  expect(seen.uncertain).toBeGreaterThan(10)
  expect(seen.refused).toBeGreaterThan(10)
})

type Outcome = Recovered | string

async function play(
  { processes, faults, kind, ...change }: Of<typeof sequence>,
  seen: { recovered: number; failed: number; uncertain: number; refused: number },
): Promise<void> {
  fake.reset()
  Object.assign(fake.state, change, { tells: true })
  const store = memoryStore()
  const planner = fake.provider({ statusUrl: null })
  const plan =
    kind === 'instant'
      ? await planner.pointInTime!.plan(new Date('2026-11-20T10:00:00Z'))
      : await planner.restoring!.plan('101')
  fake.state.tells = change.tells
  for (const one of faults) inject(one, kind)

  let outcome = await runProcess(store, plan, processes[0]?.end ?? { kind: 'itself' }, true)
  for (const { end: next, idleMs } of [...processes.slice(1), { end: { kind: 'itself' } as const, idleMs: 60_000 }]) {
    if (outcome !== 'interrupted' && outcome !== 'provider-unreachable' && outcome !== 'provider-rate-limited') break
    fake.clock.now += idleMs
    outcome = await runProcess(store, plan, next, false)
  }
  // Faults that nobody met must not reach the next sequence.
  fake.server.forget()

  expect(fake.restores.length).toBeLessThanOrEqual(1)
  expect(fake.server.violations).toEqual([])
  const began = fake.restores.length === 1
  const record = await storeJournal(store, 'shop').read()
  if (typeof outcome === 'object') {
    seen.recovered++
    expect({ began, ended: fake.state.endsIn, record }).toEqual({
      began: true,
      ended: 'ACTIVE_HEALTHY',
      record: undefined,
    })
    expect(fake.clock.now).toBeGreaterThanOrEqual(endOfRestore())
  } else if (outcome === 'recovery-failed') {
    seen.failed++
    expect({ began, ended: fake.state.endsIn, record }).toEqual({
      began: true,
      ended: 'RESTORE_FAILED',
      record: undefined,
    })
  } else if (outcome === 'nothing') {
    // No note: nothing was sent, or a process died right after it had closed the note of one that was over.
    if (began) expect(fake.clock.now).toBeGreaterThanOrEqual(endOfRestore())
  } else if (record === undefined) {
    // Refused: then nothing was begun, and nothing may be left behind.
    seen.refused++
    expect([outcome, began]).toEqual([outcome, false])
  } else {
    // Whatever is not known stays written down, so that nothing is sent again by itself.
    seen.uncertain++
    expect(['recovery-uncertain', 'provider-unreachable', 'provider-rate-limited', 'timed-out']).toContain(outcome)
  }
}

function endOfRestore(): number {
  return fake.restores[0]!.atMs + fake.state.lagMs + fake.state.restoreMs
}

function inject(one: Of<typeof fault>, kind: 'instant' | 'backup'): void {
  const send = kind === 'instant' ? 'v1-restore-pitr-backup' : 'v1-restore-physical-backup'
  const { server } = fake
  if (one.kind === 'storm') server.inject('v1-get-project', tooManyRequests(one.seconds, message), one.times)
  if (one.kind === 'down') server.inject('v1-get-project', { kind: 'answer', status: 500, body: message }, one.times)
  if (one.kind === 'send-lost') server.inject(send, { kind: 'lose-answer' })
  if (one.kind === 'send-unheard') server.inject(send, { kind: 'reset' })
  if (one.kind === 'send-refused') server.inject(send, { kind: 'answer', status: 403, body: message })
  if (one.kind === 'send-broken') server.inject(send, { kind: 'text', status: 502, text: '<html>bad gateway' })
}

/** One process: what it came to, by its code, or `interrupted` or `nothing`. */
async function runProcess(
  store: ObjectStore,
  plan: RecoveryPlan,
  how: Of<typeof end>,
  first: boolean,
): Promise<Outcome> {
  const controller = new AbortController()
  let waits = 0
  fake.clock.onSleep = () => {
    if (how.kind === 'cancelled' && ++waits === how.at) controller.abort()
  }
  let dead = false
  const die = () => {
    dead = true
    controller.abort()
  }
  const journal = how.kind === 'killed' ? killing(storeJournal(store, 'shop'), how, die) : storeJournal(store, 'shop')
  const run = {
    provider: fake.provider({ statusUrl: null, pollEveryMs }),
    journal,
    now: () => new Date(fake.clock.now),
  }
  try {
    const options = { signal: controller.signal }
    const outcome = await (first ? runRecovery(run, plan, options) : resumeRecovery(run, options))
    return dead ? 'interrupted' : (outcome ?? 'nothing')
  } catch (error) {
    if (dead || error instanceof Killed || (isBackupError(error) && error.code === 'cancelled')) return 'interrupted'
    if (isBackupError(error)) return error.code
    throw error
  } finally {
    fake.clock.onSleep = undefined
  }
}

/** A journal whose process dies at its n-th change, before or after it was written. */
function killing(
  journal: OperationJournal,
  { at, written }: { at: number; written: boolean },
  die: () => void,
): OperationJournal {
  let changes = 0
  const dying =
    <A extends readonly unknown[]>(change: (...parameters: A) => Promise<void>) =>
    async (...parameters: A) => {
      if (changes >= at) throw new Killed()
      changes++
      if (changes < at) return change(...parameters)
      if (written) await change(...parameters)
      die()
      throw new Killed()
    }
  return { ...journal, open: dying(journal.open), update: dying(journal.update), close: dying(journal.close) }
}
