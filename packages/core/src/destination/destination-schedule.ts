import type { DestinationConfig } from '../config/config-schema.js'

export type DestinationInterval = NonNullable<DestinationConfig['schedule']>['every']

/** Whether a destination takes a backup that is made now. */
export type DestinationTurn =
  | { readonly due: true }
  | {
      readonly due: false
      /** The period that it has a backup of: `2026-11`. */
      readonly period: string
      /** The id of that backup. */
      readonly has: string
      /** When the next period begins. */
      readonly next: Date
    }

/**
 * Whether a destination takes a backup that is made `now`: each one, or the first of each of its periods. What it has
 * decides, not a date: a month whose first night failed is made up for by the second.
 */
export function destinationTurn(
  schedule: DestinationConfig['schedule'],
  backups: readonly { readonly id: string; readonly createdAt: string }[],
  now: Date,
): DestinationTurn {
  if (schedule === undefined) return { due: true }
  const { every } = schedule
  const start = periodStart(every, now)
  const next = nextPeriod(every, start)
  const has = backups.find(({ createdAt }) => {
    const at = Date.parse(createdAt)
    return at >= start.getTime() && at < next.getTime()
  })
  if (has === undefined) return { due: true }
  return { due: false, period: periodName(every, start), has: has.id, next }
}

/** How old the newest backup of a destination may become by its schedule, in ms; undefined where it takes every one. */
export function longestPeriodMs(schedule: DestinationConfig['schedule']): number | undefined {
  return schedule && { daily: 1, weekly: 7, monthly: 31, yearly: 366 }[schedule.every] * dayMs
}

/**
 * Whether a destination lacks a backup that it should have: the newest one of the product, or where it has a schedule, one
 * of the period that the newest was made in.
 */
export function isBehind(
  schedule: DestinationConfig['schedule'],
  here: readonly { readonly id: string; readonly createdAt: string }[],
  newest: { readonly id: string; readonly createdAt: string },
): boolean {
  if (here.some(one => one.id === newest.id)) return false
  return destinationTurn(schedule, here, new Date(newest.createdAt)).due
}

/** How old the newest backup of a destination may be: the product's RPO, and what its schedule adds to that. */
export function rpoAt(
  product: { readonly objectives: { readonly rpo?: number | undefined } },
  destination: { readonly schedule?: DestinationConfig['schedule'] } | undefined,
): number | undefined {
  const { rpo } = product.objectives
  return rpo === undefined ? undefined : rpo + (longestPeriodMs(destination?.schedule) ?? 0)
}

const dayMs = 24 * 3_600_000

/** Periods are those of UTC, as retention's are; weeks begin on Monday. */
function periodStart(every: DestinationInterval, now: Date): Date {
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()]
  if (every === 'yearly') return new Date(Date.UTC(year, 0, 1))
  if (every === 'monthly') return new Date(Date.UTC(year, month, 1))
  if (every === 'daily') return new Date(Date.UTC(year, month, day))
  return new Date(Date.UTC(year, month, day - ((now.getUTCDay() + 6) % 7)))
}

function nextPeriod(every: DestinationInterval, start: Date): Date {
  const [year, month, day] = [start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate()]
  if (every === 'yearly') return new Date(Date.UTC(year + 1, 0, 1))
  if (every === 'monthly') return new Date(Date.UTC(year, month + 1, 1))
  return new Date(Date.UTC(year, month, day + (every === 'weekly' ? 7 : 1)))
}

function periodName(every: DestinationInterval, start: Date): string {
  const day = start.toISOString().slice(0, 10)
  if (every === 'weekly') return `the week from ${day}`
  return day.slice(0, { yearly: 4, monthly: 7, daily: 10 }[every])
}
