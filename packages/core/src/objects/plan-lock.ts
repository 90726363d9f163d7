import type { ObjectLockConfig } from '../config/destination-schema.js'
import type { PutLock } from '../store/object-store.js'

/** How what the copies of a set store is locked. */
export type ObjectLockRule = ObjectLockConfig

/** What an inventory says of the lock of a content. */
export interface RecordedLock {
  readonly lockedUntil?: string | undefined
  readonly held?: boolean | undefined
}

const dayMs = 24 * 3_600_000

/**
 * For how many days longer than the rule says content is locked each time, so that what is carried from night to night is
 * locked anew once in so many days, and not in each of them: a quarter of the rule's days, between a day and a month.
 */
export function slackDays(days: number): number {
  return Math.min(30, Math.max(1, Math.ceil(days / 4)))
}

/** The lock of a file that belongs to one snapshot alone: it is never extended. */
export function lockOfFile({ mode, days, legalHold }: ObjectLockRule, now: Date): PutLock {
  return { mode, until: days === undefined ? undefined : after(now, days), legalHold }
}

/** The lock that content gets, which later snapshots may need as well. */
export function lockOfContent({ mode, days, legalHold }: ObjectLockRule, now: Date): PutLock {
  return { mode, until: days === undefined ? undefined : after(now, days + slackDays(days)), legalHold }
}

/**
 * What content that a snapshot needs must be locked by anew, so that it is locked for as long as the snapshot's own files
 * are; undefined: it is.
 */
export function planExtension(rule: ObjectLockRule, recorded: RecordedLock, now: Date): PutLock | undefined {
  const { until, legalHold } = lockOfContent(rule, now)
  const short =
    rule.days !== undefined &&
    (recorded.lockedUntil === undefined || Date.parse(recorded.lockedUntil) < after(now, rule.days).getTime())
  const unheld = legalHold && recorded.held !== true
  if (!short && !unheld) return undefined
  return { mode: rule.mode, until: short ? until : undefined, legalHold: unheld }
}

/** What an inventory says of content under this lock, which may have been locked before. */
export function recordOf({ until, legalHold }: PutLock, before: RecordedLock = {}): RecordedLock {
  const lockedUntil = until?.toISOString() ?? before.lockedUntil
  return {
    ...(lockedUntil === undefined ? {} : { lockedUntil }),
    ...(legalHold || before.held === true ? { held: true } : {}),
  }
}

function after(now: Date, days: number): Date {
  return new Date(now.getTime() + days * dayMs)
}
