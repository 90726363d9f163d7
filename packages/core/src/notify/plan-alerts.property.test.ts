import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StatusFinding } from '../api/status.js'
import { type AlertState, emptyAlertState, mergeStates } from './alert-state.js'
import { noteDeliveries } from './note-deliveries.js'
import type { AlertPolicy } from './notify-policy.js'
import { planAlerts } from './plan-alerts.js'
import { destination, finding, statusOf } from './testing/sample-status.js'

const hourMs = 3_600_000
const start = Date.parse('2026-11-21T02:00:00Z')
const codes = ['backup-too-old', 'artifact-missing', 'drill-overdue'] as const
const names = ['slack', 'email'] as const

const policy: AlertPolicy = {
  channels: names.map(name => ({ name, severities: ['critical', 'warning'], jobs: null })),
  repeatMs: { critical: 24 * hourMs, warning: null, info: null },
  pings: [],
}

/** What is so at one look: each finding's severity or nothing, which channels fail, whether a destination is silent. */
const look = fc.record({
  findings: fc.tuple(...codes.map(() => fc.constantFrom(null, null, 'critical' as const, 'warning' as const))),
  failing: fc.subarray<string>([...names]),
  silent: fc.boolean(),
  /** Whether another machine has an older copy of the memory, and puts it back. */
  stale: fc.boolean(),
  hours: fc.integer({ min: 1, max: 30 }),
})

describe('planAlerts, whatever happens', () => {
  it('tells each channel of each finding once, repeats on time, and calls over what it told', () => {
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 40 }), looks => {
        let now = start
        let state: AlertState = emptyAlertState
        let older: AlertState = emptyAlertState
        /** What each channel believes: since when, and how grave. */
        const believed = new Map<string, { severity: string; at: number }>()
        // At the end everything is fine and every channel works, twice: what was held back comes by then.
        const fine = {
          findings: [null, null, null],
          failing: [] as string[],
          silent: false,
          stale: false,
          hours: 2,
        } as const
        for (const one of [...looks, fine, fine]) {
          now += one.hours * hourMs
          const at = new Date(now)
          const found: StatusFinding[] = one.findings.flatMap((severity, index) =>
            severity === null ? [] : [finding(codes[index]!, { severity })],
          )
          const destinations = [
            destination('local', at.toISOString(), at),
            destination('offsite', null, at, !one.silent),
          ]
          const before = one.stale ? mergeStates([older, state]) : state
          older = state
          const plan = planAlerts(before, { status: statusOf(found, { destinations }), outcome: null }, policy, at)
          const outcomes = plan.send.map(message => ({
            message,
            failure: one.failing.includes(message.channel) ? { message: 'no', hint: null } : null,
          }))
          state = noteDeliveries(plan.nextState, outcomes, at)
          for (const { message, failure } of outcomes) {
            if (failure !== null) continue
            for (const { what, entry } of message.events) {
              if (entry.source === 'channel') continue
              const key = `${message.channel} ${entry.code}`
              const known = believed.get(key)
              const isThere = found.some(({ code }) => code === entry.code)
              if (what === 'recovered') {
                // Told before, gone now, and nothing hides it.
                expect([known !== undefined, isThere, one.silent && !wasOver(before, entry.code)]).toEqual([
                  true,
                  false,
                  false,
                ])
                believed.delete(key)
                continue
              }
              expect(isThere || one.silent).toBe(true)
              if (what === 'appeared') expect(known).toBeUndefined()
              if (what === 'worse') expect([known?.severity, entry.severity]).toEqual(['warning', 'critical'])
              if (what === 'repeated') expect(now - known!.at).toBeGreaterThanOrEqual(0.75 * 24 * hourMs)
              believed.set(key, { severity: entry.severity, at: now })
            }
          }
          // Whoever can be reached knows of everything that is there.
          for (const name of names)
            if (!one.failing.includes(name))
              for (const { code } of found) expect(believed.has(`${name} ${code}`)).toBe(true)
        }
        expect([...believed]).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})

function wasOver({ entries }: AlertState, code: string): boolean {
  return entries.some(entry => entry.code === code && entry.closedAt !== null)
}
