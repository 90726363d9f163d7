import type { DestinationConfig, RetentionPolicy } from '../config/config-schema.js'
import { formatDuration } from '../config/units.js'
import type { LifecycleRule, StorePosture } from '../store/store-posture.js'

/** A line of `doctor` about a place. */
export interface PostureLine {
  readonly ok: boolean
  readonly message: string
  readonly hint: string | null
}

const dayMs = 24 * 3_600_000

/** For how many days a retention rule keeps a backup at least; undefined where no rule says a time. */
export function daysKept(policy: RetentionPolicy): number | undefined {
  const { keepWithin, hourly, daily, weekly, monthly, yearly } = policy
  const days = [
    keepWithin === undefined ? 0 : keepWithin / dayMs,
    (hourly ?? 0) / 24,
    daily ?? 0,
    (weekly ?? 0) * 7,
    (monthly ?? 0) * 31,
    (yearly ?? 0) * 366,
  ]
  const longest = Math.ceil(Math.max(...days))
  return longest > 0 ? longest : undefined
}

/**
 * What of a place's settings goes well or badly with what a destination promises. Pure; what the service does not tell
 * is said, and not held against it.
 */
export function judgePosture(
  destination: Pick<DestinationConfig, 'objectLock' | 'retention'>,
  posture: StorePosture,
  keys: { readonly prefix: string },
): PostureLine[] {
  const kept = daysKept(destination.retention)
  return [
    ...publicLines(posture),
    ...lockLines(destination, posture, kept),
    ...lifecycleLines(posture, keys.prefix, kept),
    ...posture.notes.map(message => ({ ok: true, message, hint: null })),
    ...unknownLine(posture),
  ]
}

function publicLines({ openTo, publicAccessBlocked }: StorePosture): PostureLine[] {
  if (openTo === null) return []
  if (openTo.length > 0) {
    const by = openTo.map(one => (one === 'policy' ? 'its policy' : 'its ACL')).join(' and ')
    const hint = 'manifests are in clear: take that out, and block public access to the bucket'
    return [{ ok: false, message: `strangers may get in: ${by} lets everybody`, hint }]
  }
  const blocked = publicAccessBlocked === true ? ', and public access is blocked' : ''
  const hint = publicAccessBlocked === false ? 'blocking public access to the bucket keeps it so' : null
  return [{ ok: true, message: `no stranger gets in${blocked}`, hint }]
}

/** A lock that ends before the retention lets go leaves days in which whoever holds the key can remove a backup. */
function lockLines(
  { objectLock, retention }: Pick<DestinationConfig, 'objectLock' | 'retention'>,
  { objectLock: place, versioning }: StorePosture,
  kept: number | undefined,
): PostureLine[] {
  if (place !== null && !place.enabled && objectLock !== undefined) {
    const hint = 'turn it on in the bucket (most services: only when it is made), or take objectLock out'
    return [{ ok: false, message: 'objectLock is configured, and the bucket has no Object Lock', hint }]
  }
  const days = Math.max(objectLock?.days ?? 0, place?.byDefault?.days ?? 0)
  const held = objectLock?.legalHold === true ? ', under a legal hold until somebody takes it off' : ''
  if (days > 0 || held !== '') {
    const mode = objectLock?.days !== undefined ? objectLock.mode : place?.byDefault?.mode
    const locked = days > 0 ? `backups are locked for ${plural(days)} (${mode})${held}` : `backups are locked${held}`
    if (held !== '' || kept === undefined || days >= kept)
      return [{ ok: true, message: locked, hint: lockHint(days, kept) }]
    const message = `${locked}, and the retention keeps ${said(retention, kept)}: for ${plural(kept - days)} they can be removed`
    return [{ ok: false, message, hint: `set objectLock.days to ${kept} or more` }]
  }
  if (versioning === null) return []
  const versions = { on: 'it keeps versions', suspended: 'it keeps versions no more', off: 'it keeps no versions' }[
    versioning
  ]
  const hint = 'whoever holds a key that may delete can remove every backup: Object Lock forbids it'
  return [{ ok: true, message: `${versions}, and locks nothing`, hint: versioning === 'on' ? null : hint }]
}

function lockHint(days: number, kept: number | undefined): string | null {
  if (kept === undefined || days <= kept) return null
  return `the retention lets go after ${kept} days: until ${days} \`prune\` reports them as retained`
}

/** How long that is, in the words of the rule where one rule says it. */
export function said({ keepWithin }: RetentionPolicy, kept: number): string {
  return keepWithin !== undefined && Math.ceil(keepWithin / dayMs) === kept ? formatDuration(keepWithin) : plural(kept)
}

function lifecycleLines({ lifecycle }: StorePosture, prefix: string, kept: number | undefined): PostureLine[] {
  if (lifecycle === null) return []
  const rules = lifecycle.filter(rule => rule.enabled && touches(rule, prefix))
  const lines: PostureLine[] = []
  for (const rule of rules) {
    const { expiresAfterDays: days } = rule
    if (days === null) continue
    const removes = `the lifecycle rule ${named(rule)} removes objects after ${plural(days)}`
    if (kept !== undefined && days >= kept) lines.push({ ok: true, message: removes, hint: null })
    else {
      const than =
        kept === undefined ? 'and no retention rule lets go of any' : `and the retention keeps ${plural(kept)}`
      const hint = 'take the rule out: `prune` removes backups, and never the last verified ones'
      lines.push({ ok: false, message: `${removes}, ${than}`, hint })
    }
  }
  for (const rule of rules)
    for (const { afterDays, storageClass } of rule.transitions) {
      const message = `the lifecycle rule ${named(rule)} moves objects to ${storageClass} after ${plural(afterDays)}`
      const hint = /GLACIER$|ARCHIVE/.test(storageClass)
        ? 'manifests too, and a listing cannot read those then: let the rule move objects of 1 MB and more only, or set storageClass of the destination'
        : null
      lines.push({ ok: true, message, hint })
    }
  const aborts = rules.find(rule => rule.abortsUploadsAfterDays !== null)
  lines.push(
    aborts === undefined
      ? {
          ok: true,
          message: 'no lifecycle rule aborts unfinished uploads',
          hint: '`lifeboat sweep` does; a rule costs nothing',
        }
      : {
          ok: true,
          message: `unfinished uploads are aborted after ${plural(aborts.abortsUploadsAfterDays!)}`,
          hint: null,
        },
  )
  return lines
}

/** Whether a rule concerns keys that begin with the prefix, all or some of them. */
function touches(rule: LifecycleRule, prefix: string): boolean {
  return prefix.startsWith(rule.prefix) || rule.prefix.startsWith(prefix)
}

function named({ id, prefix }: LifecycleRule): string {
  return JSON.stringify(id === '' ? prefix || 'of the whole bucket' : id)
}

function unknownLine({ unknown }: StorePosture): PostureLine[] {
  if (unknown.length === 0) return []
  const byWhy = new Map<string, string[]>()
  for (const { what, why } of unknown) byWhy.set(why, [...(byWhy.get(why) ?? []), what])
  const message = [...byWhy].map(([why, what]) => `${what.join(', ')} (${why})`).join('; ')
  return [{ ok: true, message: `not known: ${message}`, hint: '`lifeboat policy` shows the rights that tell' }]
}

export function plural(days: number): string {
  return days === 1 ? '1 day' : `${days} days`
}
