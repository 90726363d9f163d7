import type { AlertMessage } from '../alert-message.js'
import { composeMessage } from '../alert-message.js'
import type { AlertEntry } from '../alert-state.js'
import type { NotifyDeps } from '../notify-deps.js'
import { nodeNotifyDeps } from '../notify-deps.js'
import type { AlertEvent } from '../plan-alerts.js'
import { destination, statusOf } from './sample-status.js'

export const sampleNow = new Date('2026-11-22T09:00:00.000Z')

export function entry(code: string, changes: Partial<AlertEntry> = {}): AlertEntry {
  return {
    ...{ code, subject: null, severity: 'critical', message: `${code} was found`, hint: null, source: 'status' },
    ...{
      since: '2026-11-21T02:00:00.000Z',
      seenAt: sampleNow.toISOString(),
      changedAt: sampleNow.toISOString(),
      closedAt: null,
      job: null,
    },
    ...{ destination: null, sent: {} },
    ...changes,
  }
}

/** A message about the product `shop`, whose newest backup is 31 hours old. */
export function messageOf(
  events: readonly AlertEvent[],
  flags: { readonly afterFailure?: boolean } = {},
): AlertMessage {
  const newest = destination('local', '2026-11-21T02:00:00.000Z', sampleNow)
  const { afterFailure = false } = flags
  const planned = { channel: 'any', events, afterFailure, lastBeforeSilence: false }
  const status = statusOf([], { destinations: [newest] })
  const id = '6a2f1c1e-0000-4000-8000-000000000001'
  return composeMessage([{ product: 'shop', planned, status, rpoMs: 24 * 3_600_000 }], id, sampleNow)
}

/** What a message commonly holds: something new, something lasting and something that is over. */
export const commonEvents: readonly AlertEvent[] = [
  {
    what: 'appeared',
    entry: entry('backup-failed', {
      ...{ subject: 'offsite store-unreachable', destination: 'offsite', job: 'backup', source: 'run' },
      since: '2026-11-22T08:59:40.000Z',
      message: 'the backup to offsite failed: could not put shop/x (s3://shop-dr): connect ETIMEDOUT',
      hint: 'check the endpoint, the region and the network; `lifeboat doctor` tries each store',
    }),
  },
  {
    what: 'repeated',
    entry: entry('backup-too-old', {
      message: 'the newest backup is 31 h old; the RPO is 24 h',
      hint: 'make a backup now, and see why the schedule made none',
    }),
  },
  {
    what: 'worse',
    entry: entry('artifact-missing', { subject: 'local', message: 'database.dump.gz.gpg <b>is</b> not there & gone' }),
  },
  {
    what: 'recovered',
    entry: entry('drill-overdue', {
      ...{ severity: 'warning', message: 'the last drill was 40 d ago; one is due every 30 d' },
      closedAt: '2026-11-22T08:30:00.000Z',
    }),
  },
]

/** The network as it is, without the waits: those that were asked for are in `slept`. */
export function quickDeps(changes: Partial<NotifyDeps> = {}): NotifyDeps & { readonly slept: number[] } {
  const slept: number[] = []
  return {
    ...nodeNotifyDeps(),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      slept.push(ms)
    },
    random: () => 0.5,
    slept,
    ...changes,
  }
}
