import type { ObjectSetStatus, ObjectsDestinationStatus } from '../api/status.js'
import type { ObjectSetConfig } from '../config/objects-schema.js'
import { jobsOfSet } from '../config/schedule-schema.js'
import { spokenDuration, spokenTime } from '../report/quantities.js'
import type { AddFinding } from './judge-destinations.js'
import type { ProductFacts } from './judge-product.js'
import { mustBeDoneSince, nextRunOf } from './judge-schedule.js'
import type { DestinationFacts } from './read-destination.js'
import type { NewestSnapshot, SetFacts } from './read-objects.js'

const dayMs = 24 * 60 * 60 * 1000
/** How far destinations may be apart where neither a schedule nor an RPO says; a copy may take hours, one after the other. */
const apartMs = dayMs
/** How old the newest verification may be where no schedule says. */
const verifiedWithinMs = 90 * dayMs

/** A set in a destination that answered. */
interface Place {
  readonly destination: string
  readonly facts: SetFacts
}

/** What stands against the copies of a product's sets of objects. */
export function judgeObjects(product: ProductFacts, add: AddFinding): void {
  for (const [set, config] of Object.entries(product.config.objects ?? {})) judgeSet(product, set, config, add)
}

/** How the sets are, by their names. */
export function describeObjects({ config, destinations, now, due }: ProductFacts): ObjectSetStatus[] {
  return Object.entries(config.objects ?? {}).map(([set, { from, rpo, schedule, destinations: named }]) => ({
    ...{ set, source: from.location, rpoMs: rpo ?? null },
    destinations: destinations
      .filter(({ destination }) => named?.includes(destination) ?? true)
      .map(one => describe(one, one.objects[set], now)),
    nextRun: schedule === undefined ? null : nextRunOf(jobsOfSet(set, schedule), now, due),
  }))
}

function describe(
  { destination, location, failure }: DestinationFacts,
  facts: SetFacts | undefined,
  now: Date,
): ObjectsDestinationStatus {
  const { newest = null, verification = null, ofNewest = null, snapshots = 0 } = facts ?? {}
  return {
    ...{ destination, location, reachable: failure === null, snapshots },
    newest: newest && {
      ...withoutHash(newest),
      ageMs: Math.max(0, now.getTime() - Date.parse(newest.createdAt)),
      verified: ofNewest?.ok ?? null,
    },
    lastVerification: verification && {
      ...{ id: verification.id, destination, at: verification.at, ok: verification.ok },
      ...{ level: verification.level, sample: verification.sample },
    },
  }
}

function withoutHash({ headSha256: _, ...rest }: NewestSnapshot): Omit<NewestSnapshot, 'headSha256'> {
  return rest
}

function judgeSet(all: ProductFacts, set: string, config: ObjectSetConfig, add: AddFinding): void {
  const { product, now, destinations } = all
  const copied = destinations.filter(({ destination }) => config.destinations?.includes(destination) ?? true)
  const places = copied.flatMap(({ destination, failure, objects }): Place[] => {
    const facts = objects[set]
    return failure !== null || facts === undefined ? [] : [{ destination, facts }]
  })
  // That a destination is silent is said of it already.
  if (places.length === 0) return
  const copy = `\`lifeboat objects backup ${product} ${set}\``
  const newest = newestIn(places)
  if (newest === undefined) {
    const some =
      places.length < copied.length ? 'no destination that answers holds a snapshot of' : 'there is no copy of'
    add('critical', 'objects-missing', set, `${some} ${set}`, { hint: copy })
    return
  }
  const ageMs = now.getTime() - Date.parse(newest.createdAt)
  if (config.rpo !== undefined && ageMs > config.rpo && places.length === copied.length) {
    const message = `the newest snapshot of ${set} is ${spokenDuration(ageMs)} old; its RPO is ${spokenDuration(config.rpo)}`
    const since = new Date(Date.parse(newest.createdAt) + config.rpo).toISOString()
    add('critical', 'objects-too-old', set, message, { hint: `${copy}, and see why the schedule made none`, since })
  }
  judgeTimes(all, set, config, places, add)
  for (const place of places) judgePlace(all, set, config, place, newest, add)
}

function newestIn(places: readonly Place[]): NewestSnapshot | undefined {
  return places.flatMap(({ facts }) => facts.newest ?? []).sort((a, b) => b.createdAt.localeCompare(a.createdAt))[0]
}

/** Finds a schedule that has stopped, as for backups. */
function judgeTimes(
  all: ProductFacts,
  set: string,
  { schedule }: ObjectSetConfig,
  places: readonly Place[],
  add: AddFinding,
): void {
  if (schedule === undefined) return
  const jobs = jobsOfSet(set, schedule)
  const oldestMs = Math.min(...places.flatMap(({ facts }) => facts.oldestMs ?? []))
  const judge = (does: 'copy' | 'verify', doneAt: string | undefined) => {
    const dueAt = mustBeDoneSince(jobs, `${does}:${set}`, all)
    if (dueAt === undefined || dueAt.getTime() < oldestMs) return
    if (doneAt !== undefined && Date.parse(doneAt) >= dueAt.getTime()) return
    const last = doneAt === undefined ? 'none is recorded' : `the newest is of ${spokenTime(doneAt)}`
    const what = does === 'copy' ? `copy of ${set}` : `verification of ${set}`
    const message = `the ${what} that was due at ${spokenTime(dueAt.toISOString())} is missing after ${spokenDuration(schedule.grace)} of grace; ${last}`
    const command = `lifeboat objects ${does === 'copy' ? 'backup' : 'verify'} ${all.product} ${set}`
    add(does === 'copy' ? 'critical' : 'warning', 'schedule-missed', `${does}:${set}`, message, {
      hint: `see whether the scheduler runs; by hand: \`${command}\``,
      since: new Date(dueAt.getTime() + schedule.grace).toISOString(),
    })
  }
  judge('copy', newestIn(places)?.createdAt)
  const holding = places.filter(({ facts }) => facts.newest !== null)
  const oldestFirst = holding.map(({ facts }) => facts.verification?.at ?? '').sort()
  judge('verify', oldestFirst[0] || undefined)
}

function judgePlace(
  all: ProductFacts,
  set: string,
  config: ObjectSetConfig,
  { destination, facts }: Place,
  newest: NewestSnapshot,
  add: AddFinding,
): void {
  const { product, now } = all
  const subject = `${set} ${destination}`
  const copy = `\`lifeboat objects backup ${product} ${set} --destination ${destination}\``
  const verify = `\`lifeboat objects verify ${product} ${set} --destination ${destination}\``
  const [damaged, ...others] = facts.unreadable
  if (damaged !== undefined) {
    const more = others.length === 0 ? '' : `, and ${others.length} more`
    const message = `${damaged.key} at ${destination} cannot be read${more}: ${damaged.message}`
    add('critical', 'objects-unreadable', subject, message, { hint: `${copy} makes another` })
  }
  if (facts.ahead.length > 0) {
    const message = `the snapshot ${facts.ahead[0]} of ${set} at ${destination} says it was made after now; it is not counted`
    const hint = 'compare the clock of this machine with that of the one that copies'
    add('warning', 'objects-in-future', subject, message, { hint })
  }
  if (facts.refused > 0) {
    const message = `${facts.refused} of the newest records of ${set} at ${destination} were not written by a holder of the key, or were changed; they are not counted`
    add('warning', 'records-refused', subject, message, { hint: 'see who may write to the store' })
  }
  const own = facts.newest
  if (own === null) {
    add('critical', 'objects-missing', subject, `${destination} holds no copy of ${set}`, { hint: copy })
    return
  }
  const ownAgeMs = now.getTime() - Date.parse(own.createdAt)
  if (isBehind(all, config, own, newest)) {
    const severity = config.rpo !== undefined && ownAgeMs > config.rpo ? 'critical' : 'warning'
    const message = `the newest snapshot of ${set} is not at ${destination}, whose own is ${spokenDuration(ownAgeMs)} old`
    const hint = `\`lifeboat doctor ${product}\`, then ${copy}`
    add(severity, 'objects-behind', subject, message, { hint, since: newest.createdAt })
  }
  if (own.missed > 0) {
    const message = `${own.missed} objects of ${set} could not be read when the snapshot at ${destination} was made`
    const hint = `${copy} tries them again and names them`
    add('warning', 'objects-missed', subject, message, { hint, since: own.createdAt })
  }
  const { failed, verification, oldestMs } = facts
  if (failed !== null) {
    const first = failed.findings.find(({ severity }) => severity === 'critical')
    const said = first === undefined ? '' : `: ${first.message}`
    const message = `the snapshot ${failed.id} of ${set} at ${destination} did not pass its verification of ${spokenTime(failed.at)}${said}`
    const hint = first?.hint ?? verify
    add('critical', 'objects-verification-failed', subject, message, { hint, since: failed.at })
  }
  const provenMs = verification === null ? (oldestMs ?? now.getTime()) : Date.parse(verification.at)
  if (config.schedule?.verify === undefined && now.getTime() - provenMs > verifiedWithinMs) {
    const last = verification === null ? 'was never read back' : `was last read back at ${spokenTime(verification.at)}`
    add('warning', 'objects-not-verified', subject, `${set} at ${destination} ${last}`, { hint: verify })
  }
}

/**
 * Whether a destination missed what another has. They are copied to one after the other, each with a snapshot of its own,
 * so it is not enough that one of them is older.
 */
function isBehind(
  all: ProductFacts,
  { schedule, rpo }: ObjectSetConfig,
  own: NewestSnapshot,
  newest: NewestSnapshot,
): boolean {
  if (own.createdAt >= newest.createdAt) return false
  const [ownMs, newestMs] = [Date.parse(own.createdAt), Date.parse(newest.createdAt)]
  if (schedule?.copy === undefined) return newestMs - ownMs > (rpo ?? apartMs)
  const dueMs = all.due.lastDue(schedule.copy, schedule.timeZone, new Date(newestMs))?.getTime()
  const graceMs = schedule.grace + (schedule.jitter ?? 0)
  return dueMs !== undefined && ownMs < dueMs && all.now.getTime() > dueMs + graceMs
}
