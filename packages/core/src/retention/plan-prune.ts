import type { RetentionPolicy } from '../config/config-schema.js'
import { formatDuration } from '../config/units.js'
import { BackupError } from '../errors/backup-error.js'
import { calendarPeriods, periodIndex, periodName } from './calendar-periods.js'

/** A backup as the planner sees it. */
export interface PruneCandidate {
  readonly id: string
  /** From the manifest; the only thing backups are ordered by. */
  readonly createdAt: Date
  /** Whether a verification at `content` or above has passed on these stored bytes. */
  readonly verified: boolean
}

/** A backup on one of the two lists, and why it is there. At least one reason, each for people to read. */
export interface Kept {
  readonly id: string
  /** RFC 3339, UTC. */
  readonly createdAt: string
  readonly reasons: readonly string[]
}

/** What a prune would do. Every candidate is in exactly one of the two lists; both newest first. */
export interface PrunePlan {
  readonly keep: readonly Kept[]
  readonly remove: readonly Kept[]
}

/**
 * Decides which backups of one product in one destination stay. Pure; removes nothing.
 *
 * What is kept, with its reason:
 * - everything, when the policy has no rule (`no rule`), or when there are fewer verified backups than `minimum`
 *   (`fewer than 3 verified backups: verify first`);
 * - the newest `minimum` verified backups, and always the newest verified one (`minimum verified`);
 * - what a rule names (`last 3`, `within 30d`, `daily 2026-11-20`, `weekly 2026-W47`). Periods are UTC, weeks are ISO
 *   weeks. A calendar rule keeps the newest verified backup of each of the newest n periods that have one;
 * - unverified backups that are not older than the newest verified one (`waits for verification`);
 * - backups dated after `now` (`dated in the future`). A clock was wrong, here or where they were made. They are never
 *   removed, and never counted: not by a rule, not towards `minimum`.
 *
 * Unverified backups never take a verified one's place: every rule counts the verified ones alone, and is then applied
 * once more to all backups, which can only add unverified ones (`daily 2026-11-20 (not verified)`), at most n per rule
 * and only for periods without a verified one. So nothing that is added unverified changes what happens to the
 * verified backups.
 *
 * `keepWithin` is measured back from the newest verified backup, not from `now`. Time alone therefore removes nothing,
 * and neither does a clock that jumps ahead: only newer verified backups age older ones out. A clock that is behind
 * removes no more than a right one would.
 *
 * Planning again on what was kept, at the same `now`, removes nothing. The order of `candidates` does not matter.
 * @throws BackupError `unexpected` when two candidates have one id, or a time is not a time
 */
export function planPrune(candidates: readonly PruneCandidate[], policy: RetentionPolicy, now: Date): PrunePlan {
  const backups = newestFirst(candidates, now)
  const reasons = reasonsToKeep(backups, policy, now)
  const keep: Kept[] = []
  const remove: Kept[] = []
  for (const { id, createdAt } of backups) {
    const kept = reasons.get(id)
    const entry = { id, createdAt: createdAt.toISOString(), reasons: kept ?? ['no rule keeps it'] }
    if (kept) keep.push(entry)
    else remove.push(entry)
  }
  return { keep, remove }
}

/** The reasons by id. A backup without an entry may go. */
function reasonsToKeep(backups: readonly PruneCandidate[], policy: RetentionPolicy, now: Date) {
  const reasons = new Map<string, string[]>()
  const keep = (kept: readonly PruneCandidate[], reason: string) => {
    for (const { id } of kept) {
      const known = reasons.get(id)
      if (known) known.push(reason)
      else reasons.set(id, [reason])
    }
  }

  const rules = rulesOf(policy)
  if (rules.length === 0 && policy.keepWithin === undefined) {
    keep(backups, 'no rule')
    return reasons
  }

  const past = backups.filter(backup => backup.createdAt <= now)
  const verified = past.filter(backup => backup.verified)
  const newestVerified = verified[0]
  keep(
    backups.filter(backup => backup.createdAt > now),
    'dated in the future',
  )
  if (newestVerified === undefined || verified.length < policy.minimum) {
    keep(backups, tooFew(policy.minimum))
    return reasons
  }

  keep(verified.slice(0, Math.max(1, policy.minimum)), 'minimum verified')
  keep(
    past.filter(backup => !backup.verified && backup.createdAt >= newestVerified.createdAt),
    'waits for verification',
  )
  if (policy.keepWithin !== undefined) {
    const oldest = newestVerified.createdAt.getTime() - policy.keepWithin
    keep(
      past.filter(backup => backup.createdAt.getTime() >= oldest),
      `within ${formatDuration(policy.keepWithin)}`,
    )
  }
  for (const rule of rules) {
    for (const backup of choose(rule, verified)) keep([backup], rule.reason(backup))
    for (const backup of choose(rule, past)) {
      if (!backup.verified) keep([backup], `${rule.reason(backup)} (not verified)`)
    }
  }
  return reasons
}

interface CountingRule {
  /** How many periods it keeps a backup of. */
  readonly places: number
  periodOf(backup: PruneCandidate): string | number
  reason(backup: PruneCandidate): string
}

function rulesOf(policy: RetentionPolicy): readonly CountingRule[] {
  const rules: CountingRule[] = []
  const { last } = policy
  // Each backup is a period of its own.
  if (last !== undefined) rules.push({ places: last, periodOf: backup => backup.id, reason: () => `last ${last}` })
  for (const name of calendarPeriods) {
    const places = policy[name]
    if (places === undefined) continue
    rules.push({
      places,
      periodOf: backup => periodIndex(name, backup.createdAt),
      reason: backup => `${name} ${periodName(name, backup.createdAt)}`,
    })
  }
  return rules
}

/** One backup for each of the newest periods: its newest verified one, or its newest where none is verified. */
function choose(rule: CountingRule, backups: readonly PruneCandidate[]): Iterable<PruneCandidate> {
  const chosen = new Map<string | number, PruneCandidate>()
  for (const backup of backups) {
    const period = rule.periodOf(backup)
    const held = chosen.get(period)
    if (held ? backup.verified && !held.verified : chosen.size < rule.places) chosen.set(period, backup)
  }
  return chosen.values()
}

function newestFirst(candidates: readonly PruneCandidate[], now: Date): readonly PruneCandidate[] {
  const ids = new Set<string>()
  for (const { id, createdAt } of candidates) {
    // Removing goes by id: with two of one name, removing one would remove the one that is kept.
    if (ids.has(id)) throw new BackupError('unexpected', `two backups have the id ${id}: nothing is removed`)
    if (!isTime(createdAt)) throw new BackupError('unexpected', `backup ${id} has no valid time: nothing is removed`)
    ids.add(id)
  }
  if (!isTime(now)) throw new BackupError('unexpected', 'the current time is not valid: nothing is removed')
  return candidates.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1))
}

function isTime(time: Date): boolean {
  return Number.isFinite(time.getTime())
}

function tooFew(minimum: number): string {
  return minimum <= 1 ? 'no verified backup: verify first' : `fewer than ${minimum} verified backups: verify first`
}
