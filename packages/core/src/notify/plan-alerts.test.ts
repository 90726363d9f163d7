import { describe, expect, it } from 'vitest'
import type { ProductStatus } from '../api/status.js'
import { BackupError } from '../errors/backup-error.js'
import { type AlertState, emptyAlertState, mergeStates } from './alert-state.js'
import { noteDeliveries } from './note-deliveries.js'
import type { AlertPolicy } from './notify-policy.js'
import type { Seen } from './observe.js'
import { planAlerts } from './plan-alerts.js'
import { outcomeOf, type RunPart } from './run-outcome.js'
import { destination, finding, statusOf } from './testing/sample-status.js'

const hourMs = 3_600_000
const start = Date.parse('2026-11-21T02:00:00Z')
const after = (hours: number) => new Date(start + hours * hourMs)

const all = ['critical', 'warning', 'info'] as const
const policy: AlertPolicy = {
  channels: [
    { name: 'slack', severities: ['critical', 'warning'], jobs: null },
    { name: 'email', severities: ['critical'], jobs: null },
  ],
  repeatMs: { critical: 24 * hourMs, warning: 7 * 24 * hourMs, info: null },
  pings: [],
}
const slackOnly: AlertPolicy = { ...policy, channels: policy.channels.slice(0, 1) }

/** A watcher with a memory: what it said, channel by channel. */
function watcher(of: AlertPolicy = policy) {
  let state: AlertState = emptyAlertState
  const look = (seen: Seen, hours: number, failing: readonly string[] = []) => {
    const now = after(hours)
    const plan = planAlerts(state, seen, of, now)
    const outcomes = plan.send.map(message => ({
      message,
      failure: failing.includes(message.channel) ? { message: 'it answers 500', hint: null } : null,
    }))
    state = noteDeliveries(plan.nextState, outcomes, now)
    return plan.send.map(({ channel, events }) =>
      [
        channel,
        ...events.map(({ what, entry }) => `${what} ${entry.code}${entry.subject ? ` ${entry.subject}` : ''}`),
      ].join(': '),
    )
  }
  return {
    state: () => state,
    status: (status: ProductStatus | null, hours: number, failing?: readonly string[]) =>
      look({ status, outcome: null }, hours, failing),
    run: (job: 'backup' | 'verify' | 'drill' | 'prune', parts: readonly RunPart[], hours: number) => {
      const run = { product: 'shop', job, startedAt: after(hours - 0.1) }
      return look({ status: null, outcome: outcomeOf(run, parts, after(hours)) }, hours)
    },
  }
}

const fine = statusOf([])
const old = finding('backup-too-old')
const failed = (
  code: 'database-unreachable' | 'dump-failed' | 'locked' | 'cancelled',
  message = 'it failed',
): RunPart => ({
  error: new BackupError(code, message),
})
/** What a backup resolves to, as far as an outcome looks at it. */
const stored = (offsite?: string) =>
  ({
    done: {
      ...{ status: offsite === undefined ? 'complete' : 'partial', product: 'shop', id: '20261121T020000Z-aaaaaa' },
      destinations: [
        { destination: 'local', location: '/b', outcome: 'stored', error: null },
        {
          ...{ destination: 'offsite', location: 's3://b', outcome: offsite === undefined ? 'stored' : 'failed' },
          error: offsite === undefined ? null : { code: offsite, message: 'it does not answer', hint: null },
        },
      ],
    },
  }) as unknown as RunPart

describe('planAlerts', () => {
  it('tells a finding once, and that it is over once', () => {
    const { status } = watcher()
    expect(status(fine, 0)).toEqual([])
    expect(status(statusOf([old]), 1)).toEqual(['slack: appeared backup-too-old', 'email: appeared backup-too-old'])
    expect(status(statusOf([old]), 2)).toEqual([])
    expect(status(fine, 3)).toEqual(['slack: recovered backup-too-old', 'email: recovered backup-too-old'])
    expect(status(fine, 4)).toEqual([])
    expect(status(statusOf([old]), 5)).toEqual(['slack: appeared backup-too-old', 'email: appeared backup-too-old'])
  })

  it('tells it to those who hear of its severity, and again when it gets worse but not when it gets better', () => {
    const { status } = watcher()
    const mild = statusOf([finding('size-unusual', { severity: 'warning' })])
    const grave = statusOf([finding('size-unusual')])
    expect(status(mild, 0)).toEqual(['slack: appeared size-unusual'])
    expect(status(grave, 1)).toEqual(['slack: worse size-unusual', 'email: appeared size-unusual'])
    expect(status(mild, 2)).toEqual([])
    expect(status(grave, 3)).toEqual([])
    expect(status(mild, 4)).toEqual([])
    expect(status(fine, 5)).toEqual(['slack: recovered size-unusual', 'email: recovered size-unusual'])
  })

  it('repeats what lasts on a timer, which a nightly run that is a little early does not miss', () => {
    const { status } = watcher(slackOnly)
    const lasting = statusOf([old])
    expect(status(lasting, 0)).toHaveLength(1)
    for (const hours of [5, 10, 17]) expect(status(lasting, hours)).toEqual([])
    expect(status(lasting, 23.9)).toEqual(['slack: repeated backup-too-old'])
    expect(status(lasting, 25)).toEqual([])
    expect(status(lasting, 48)).toEqual(['slack: repeated backup-too-old'])
  })

  it('repeats together what would be repeated soon: one message a day', () => {
    const { status } = watcher(slackOnly)
    const both = statusOf([old, finding('artifact-missing', { subject: 'local' })])
    status(statusOf([old]), 0)
    status(both, 4)
    expect(status(both, 24)).toEqual(['slack: repeated artifact-missing local: repeated backup-too-old'])
    expect(status(both, 28)).toEqual([])
  })

  it('never repeats where the policy says never', () => {
    const { status } = watcher({ ...slackOnly, repeatMs: { critical: null, warning: null, info: null } })
    status(statusOf([old]), 0)
    expect(status(statusOf([old]), 24 * 300)).toEqual([])
  })

  it('does not call over what a silent destination hides', () => {
    const { status } = watcher(slackOnly)
    const damaged = finding('artifact-missing', { subject: 'offsite' })
    const unanswered = finding('store-unreachable', { subject: 'offsite' })
    const at = (reachable: boolean, hours: number) => ({
      destinations: [
        destination('local', after(0).toISOString(), after(hours)),
        destination('offsite', reachable ? after(0).toISOString() : null, after(hours), reachable),
      ],
    })
    status(statusOf([damaged, old], at(true, 0)), 0)
    expect(status(statusOf([unanswered], at(false, 1)), 1)).toEqual(['slack: appeared store-unreachable offsite'])
    expect(status(statusOf([damaged, old], at(true, 2)), 2)).toEqual(['slack: recovered store-unreachable offsite'])
    expect(status(statusOf([], at(true, 3)), 3)).toEqual([
      'slack: recovered artifact-missing offsite: recovered backup-too-old',
    ])
  })

  it('still calls over what a destination that answers shows to be over', () => {
    const { status } = watcher(slackOnly)
    const destinations = [
      destination('local', after(0).toISOString(), after(1)),
      destination('offsite', null, after(1), false),
    ]
    const unanswered = finding('store-unreachable', { subject: 'offsite' })
    status(statusOf([finding('artifact-missing', { subject: 'local' }), unanswered], { destinations }), 0)
    expect(status(statusOf([unanswered], { destinations }), 1)).toEqual(['slack: recovered artifact-missing local'])
  })

  it('keeps quiet about what is not known when no status could be read', () => {
    const { status } = watcher(slackOnly)
    status(statusOf([old]), 0)
    expect(status(null, 1)).toEqual([])
    expect(status(fine, 2)).toEqual(['slack: recovered backup-too-old'])
  })

  it('gives a channel only what belongs to its jobs', () => {
    const { status } = watcher({ ...policy, channels: [{ name: 'drills', severities: all, jobs: ['drill'] }] })
    expect(status(statusOf([old, finding('drill-overdue', { severity: 'warning' })]), 0)).toEqual([
      'drills: appeared drill-overdue',
    ])
  })

  it('sends what a channel missed once it works, tells the others, and tells it when nothing was missed', () => {
    const { status } = watcher()
    expect(status(statusOf([old]), 0, ['slack'])).toHaveLength(2)
    const told = (hours: number, failing?: readonly string[]) => status(statusOf([old]), hours, failing)
    // Email hears of critical findings only, so not of a channel that fails.
    expect(told(1, ['slack'])).toEqual(['slack: appeared backup-too-old'])
    expect(told(2)).toEqual(['slack: appeared backup-too-old'])
    expect(told(3)).toEqual([])
    expect(status(fine, 4, ['slack'])).toHaveLength(2)
    expect(status(fine, 5)).toEqual(['slack: recovered backup-too-old'])
  })

  it('tells others that a channel fails, and that it works again', () => {
    const { status } = watcher({
      ...policy,
      channels: ['slack', 'email'].map(name => ({ name, severities: all, jobs: null })),
    })
    status(statusOf([old]), 0, ['slack'])
    expect(status(fine, 1, ['slack'])).toEqual([
      // What appeared and went without having been told is told to nobody; that messages arrive again is tried.
      'slack',
      'email: appeared alert-channel-failed slack: recovered backup-too-old',
    ])
    expect(status(fine, 2)).toEqual(['slack'])
    expect(status(fine, 3)).toEqual(['email: recovered alert-channel-failed slack'])
  })

  it('holds back what is not urgent when there are too many messages, and in the end everything', () => {
    const { status } = watcher(slackOnly)
    const sent: string[] = []
    for (let minute = 0; minute < 50; minute++) {
      const flapping = finding(`noise-${minute}`, { severity: minute % 2 === 0 ? 'critical' : 'warning' })
      sent.push(...status(statusOf([flapping]), minute / 60))
    }
    expect(sent).toHaveLength(10 + 20)
    expect(sent.slice(10).every(line => /^slack: appeared noise-\d*[02468]$/.test(line))).toBe(true)
    // An hour later one message has the rest: what is over and was told.
    expect(status(fine, 2)).toHaveLength(1)
  })

  it('does not let a memory of the future keep it quiet', () => {
    const { status, state } = watcher(slackOnly)
    status(statusOf([old]), 0)
    const sent = { slack: { severity: 'critical' as const, at: after(24 * 365).toISOString() } }
    const forged = { ...state(), entries: state().entries.map(entry => ({ ...entry, sent })) }
    const plan = planAlerts(forged, { status: statusOf([old]), outcome: null }, slackOnly, after(1))
    expect(plan.send).toHaveLength(1)
  })
})

describe('planAlerts of runs', () => {
  it('tells a failed run at once, and that it works again after the next success', () => {
    const { run, status } = watcher(slackOnly)
    expect(run('backup', [failed('database-unreachable')], 0)).toEqual([
      'slack: appeared backup-failed database-unreachable',
    ])
    expect(status(fine, 1)).toEqual([])
    expect(run('verify', [failed('dump-failed')], 3)).toEqual(['slack: appeared verify-failed dump-failed'])
    expect(run('backup', [stored()], 24)).toEqual(['slack: recovered backup-failed database-unreachable'])
  })

  it('tells a new reason in place of the old one', () => {
    const { run } = watcher(slackOnly)
    run('backup', [failed('database-unreachable')], 0)
    expect(run('backup', [failed('dump-failed')], 5)).toEqual(['slack: appeared backup-failed dump-failed'])
    expect(run('backup', [stored()], 24)).toEqual(['slack: recovered backup-failed dump-failed'])
  })

  it('takes a run that another one locked out for no news of what failed before', () => {
    const { run } = watcher(slackOnly)
    run('backup', [failed('database-unreachable')], 0)
    expect(run('backup', [failed('locked')], 5)).toEqual(['slack: appeared backup-failed locked'])
    expect(run('backup', [stored()], 24)).toEqual([
      'slack: recovered backup-failed database-unreachable: recovered backup-failed locked',
    ])
  })

  it('says nothing of a run that somebody stopped', () => {
    const { run } = watcher(slackOnly)
    expect(run('backup', [failed('cancelled')], 0)).toEqual([])
    run('backup', [failed('dump-failed')], 1)
    expect(run('backup', [failed('cancelled')], 2)).toEqual([])
  })

  it('tells of the destination that did not get a backup, and of the whole apart', () => {
    const { run } = watcher(slackOnly)
    expect(run('backup', [stored('store-full')], 0)).toEqual(['slack: appeared backup-partial offsite'])
    expect(run('backup', [failed('dump-failed')], 5)).toEqual(['slack: appeared backup-failed dump-failed'])
    expect(run('backup', [stored('store-full')], 10)).toEqual(['slack: recovered backup-failed dump-failed'])
    expect(run('backup', [stored()], 15)).toEqual(['slack: recovered backup-partial offsite'])
  })

  it('leaves a destination alone that was not due', () => {
    const { run } = watcher(slackOnly)
    run('backup', [stored('store-full')], 0)
    const local = stored() as unknown as { done: { destinations: object[] } }
    local.done.destinations[1] = { ...local.done.destinations[1], outcome: 'not-due' }
    expect(run('backup', [local as unknown as RunPart], 10)).toEqual([])
    expect(run('backup', [stored()], 20)).toEqual(['slack: recovered backup-partial offsite'])
  })

  it('leaves a destination alone that a run was not about', () => {
    const { run } = watcher(slackOnly)
    const at = (name: string, part: RunPart) => ({ ...part, destination: name })
    run('verify', [at('offsite', failed('dump-failed'))], 0)
    const sound = { done: { ok: true, findings: [], destination: 'local', id: 'x' } } as unknown as RunPart
    expect(run('verify', [at('local', sound)], 1)).toEqual([])
    expect(run('verify', [at('local', sound), at('offsite', sound)], 2)).toEqual([
      'slack: recovered verify-failed offsite dump-failed',
    ])
  })

  it('believes the store that a later backup was made, whoever made it', () => {
    const { run, status } = watcher(slackOnly)
    run('backup', [failed('dump-failed')], 1)
    const made = (hours: number) => ({ destinations: [destination('local', after(hours).toISOString(), after(9))] })
    expect(status(statusOf([], made(0)), 9)).toEqual([])
    expect(status(statusOf([], made(5)), 9)).toEqual(['slack: recovered backup-failed dump-failed'])
  })

  it('tells of what a prune was refused, and not of what the place keeps by its rules', () => {
    const { run } = watcher(slackOnly)
    const pruned = (retained: readonly object[], left: readonly object[] = []) =>
      ({
        done: {
          ...{ product: 'shop', destination: 'local', applied: true, plan: { keep: [], remove: [] }, removed: [] },
          ...{ retained, sweep: { retained: left } },
        },
      }) as unknown as RunPart
    const locked = { id: 'a', message: 'a is locked until 2030' }
    const refused = { id: 'b', message: 'could not remove b: denied', code: 'store-auth-failed' }
    expect(run('prune', [pruned([locked])], 0)).toEqual([])
    expect(run('prune', [pruned([locked, refused], [refused])], 1)).toEqual([
      'slack: appeared prune-failed local store-auth-failed',
    ])
    const outcome = outcomeOf({ product: 'shop', job: 'prune', startedAt: after(0) }, [pruned([refused])], after(1))
    expect(outcome).toMatchObject({ result: 'partial', summary: expect.stringContaining('1 could not be removed') })
    expect(run('prune', [pruned([locked])], 2)).toEqual(['slack: recovered prune-failed local store-auth-failed'])
  })

  it('lets go of a destination that the configuration has no more: nothing else would ever end it', () => {
    const { run, status } = watcher(slackOnly)
    run('backup', [stored('store-full')], 0)
    const both = ['local', 'offsite'].map(name => destination(name, after(-1).toISOString(), after(9)))
    expect(status(statusOf([], { destinations: both }), 9)).toEqual([])
    expect(status(statusOf([], { destinations: both.slice(0, 1) }), 10)).toEqual([
      'slack: recovered backup-partial offsite',
    ])
  })

  it('cuts credentials and line breaks out of what a tool said', () => {
    const { run, state } = watcher(slackOnly)
    run('backup', [{ error: new Error('no\u001b[31m route\u202e to postgres://u:hunter2hunter2@h/db\nmore') }], 0)
    expect(state().entries[0]!.message).toBe('the backup failed: no [31m route to postgres://u:[redacted]@h/db')
  })
})

describe('mergeStates', () => {
  it('takes of each finding the copy that was changed last', () => {
    const { status, state } = watcher(slackOnly)
    status(statusOf([old]), 0)
    const stale = state()
    status(fine, 1)
    for (const copies of [
      [stale, state()],
      [state(), stale],
    ]) {
      const merged = mergeStates(copies)
      expect(planAlerts(merged, { status: fine, outcome: null }, slackOnly, after(2)).send).toEqual([])
    }
  })
})
