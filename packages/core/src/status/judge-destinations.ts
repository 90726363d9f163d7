import type { StatusFinding } from '../api/status.js'
import { longestPeriodMs } from '../destination/destination-schedule.js'
import { spokenDuration, spokenTime } from '../report/quantities.js'
import type { ProductFacts } from './judge-product.js'
import { mustBeDoneSince, usualGraceMs } from './judge-schedule.js'
import type { DestinationFacts } from './read-destination.js'
import type { NewestBackup } from './read-newest-backup.js'

/** Notes a finding of the product; the subject says of what of it. */
export type AddFinding = (
  severity: StatusFinding['severity'],
  code: string,
  subject: string | null,
  message: string,
  rest?: { readonly hint?: string | null; readonly since?: string | null },
) => void

/** What stands against single destinations: not there, empty, behind, damaged, not read back. */
export function judgeDestinations(facts: ProductFacts, add: AddFinding): void {
  const { product, destinations, keysFailure } = facts
  const newest = newestAnywhere(destinations)
  if (newest === undefined && destinations.some(({ failure }) => failure === null)) {
    const someSilent = destinations.some(({ failure }) => failure !== null)
    const message = someSilent ? 'no destination that answers holds a backup' : 'there is no backup'
    add('critical', 'backup-missing', null, message, { hint: `\`lifeboat backup ${product}\`` })
  }
  for (const one of destinations) {
    const { destination, failure } = one
    if (failure !== null) {
      const hint = '`lifeboat doctor` tries each store'
      add('critical', 'store-unreachable', destination, `${destination} did not answer: ${failure.message}`, { hint })
      continue
    }
    judgeObjects(one, add)
    if (newest === undefined) continue
    if (one.newest === null) {
      const hint = `\`lifeboat backup ${product}\``
      add('critical', 'backup-missing', destination, `${destination} holds no backup`, { hint })
      continue
    }
    if (one.newest.createdAt < newest.createdAt) judgeBehind(one, newest, facts, add)
    judgeProof(one, one.newest, facts, add)
  }
  if (keysFailure !== null) {
    const message = `seals of verification records are not checked here: ${keysFailure}`
    add('warning', 'records-unproven', null, message, {
      hint: 'put the public keys where the configuration names them',
    })
  }
}

export function newestAnywhere(destinations: readonly DestinationFacts[]): NewestBackup | undefined {
  return destinations.flatMap(({ newest }) => newest ?? []).sort((a, b) => b.createdAt.localeCompare(a.createdAt))[0]
}

/**
 * The destinations that answer and take every backup: what they hold tells how old the newest is. Undefined: of those that
 * do, none answers, so nobody can tell.
 */
export function tellingOf({ destinations, config }: ProductFacts): readonly DestinationFacts[] | undefined {
  const taking = destinations.filter(({ destination }) => config.destinations[destination]?.schedule === undefined)
  const answering = taking.filter(({ failure }) => failure === null)
  return answering.length > 0 ? answering : undefined
}

function judgeObjects({ destination, unreadable, ahead, refused }: DestinationFacts, add: AddFinding): void {
  const [first, ...others] = unreadable
  if (first !== undefined) {
    const more = others.length === 0 ? '' : `, and ${others.length} more`
    const message = `${first.key} at ${destination} cannot be read${more}: ${first.message}`
    add('critical', 'manifest-invalid', destination, message, {
      hint: 'docs/restore-runbook.md restores without a manifest; `lifeboat list` names all of them',
    })
  }
  if (ahead.length > 0) {
    const message = `${ahead[0]} at ${destination} says it was made after now; it is not counted`
    add('warning', 'backup-in-future', destination, message, {
      hint: 'compare the clock of this machine with that of the one that backs up',
    })
  }
  if (refused > 0) {
    const message = `${refused} of the newest records at ${destination} were not written by a holder of the key, or were changed; they are not counted`
    add('warning', 'records-refused', destination, message, { hint: 'see who may write to the store' })
  }
}

/** A destination that takes every backup and has not the newest. It is grave once what it has is older than the RPO. */
function judgeBehind(facts: DestinationFacts, newest: NewestBackup, all: ProductFacts, add: AddFinding): void {
  const { destination } = facts
  const { config, now, product } = all
  const own = facts.newest!
  const ageMs = now.getTime() - Date.parse(own.createdAt)
  const periodMs = longestPeriodMs(config.destinations[destination]?.schedule)
  const failed = newest.failedAt.find(one => one.destination === destination)
  // One that takes a backup each month is not behind after a day; nor while its next one is still in grace.
  if (periodMs !== undefined && ageMs <= periodMs + (config.schedule?.grace ?? usualGraceMs)) return
  const allowedMs = config.objectives.rpo === undefined ? undefined : config.objectives.rpo + (periodMs ?? 0)
  const severity = allowedMs !== undefined && ageMs > allowedMs ? 'critical' : 'warning'
  const why = failed === undefined ? '' : `; the backup was partial: ${failed.code ?? 'it failed'} there`
  const message = `the newest backup, ${newest.id}, is not at ${destination}, whose own is ${spokenDuration(ageMs)} old${why}`
  add(severity, failed === undefined ? 'destination-behind' : 'backup-partial', destination, message, {
    ...{ hint: `\`lifeboat doctor ${product}\`, then \`lifeboat backup ${product}\``, since: newest.createdAt },
  })
}

function judgeProof(facts: DestinationFacts, newest: NewestBackup, all: ProductFacts, add: AddFinding): void {
  const { destination, ofNewest, verification } = facts
  const { config, now, product } = all
  // What a drill found is judged with the drills.
  const mended = ofNewest?.ok === true && verification !== null && ofNewest.at >= verification.at
  const bad = [verification, ofNewest].find(record => record?.kind === 'verification' && !record.ok)
  if (bad && !mended) {
    const first = bad.findings.find(({ severity }) => severity === 'critical')
    const of = bad.id === newest.id ? `the newest backup at ${destination}` : `${bad.id} at ${destination}`
    const message = `${of} did not pass its verification of ${spokenTime(bad.at)}${first ? `: ${first.message}` : ''}`
    const hint = first?.hint ?? `\`lifeboat verify ${product}/latest --destination ${destination}\``
    add('critical', 'verification-failed', destination, message, { hint, since: bad.at })
  }
  if (ofNewest !== null) return
  // It may still be waiting for its turn.
  const createdMs = Date.parse(newest.createdAt)
  const verify = config.schedule?.verify
  const overdue =
    verify === undefined
      ? now.getTime() - createdMs > (config.schedule?.grace ?? usualGraceMs)
      : (mustBeDoneSince(config.schedule, 'verify', all)?.getTime() ?? 0) > createdMs
  if (!overdue) return
  add('warning', 'never-verified', destination, `the newest backup at ${destination} was not read back yet`, {
    ...{ hint: `\`lifeboat verify ${product}/latest --destination ${destination}\``, since: newest.createdAt },
  })
}
