import type { Finding } from '../api/verification.js'
import { isBehind } from '../destination/destination-schedule.js'
import { judgeDrills } from '../drill/judge-drills.js'
import type { ProofRecord } from '../repository/record-schema.js'
import { rtoExceeded, tooOld } from '../verify/finding.js'
import type { ProductFacts } from './compose-report.js'
import { spokenDuration } from './quantities.js'
import type { DestinationState, ProductReport, ReportFinding } from './report-model.js'

const gravestFirst: Readonly<Record<Finding['severity'], number>> = { critical: 0, warning: 1, info: 2 }

type Judged = Pick<ProductReport, 'rpo' | 'rto' | 'destinations'>

/** What stands against a product now: what its newest records found, and what the report itself sees; gravest first. */
export function composeFindings(facts: ProductFacts, judged: Judged): ReportFinding[] {
  const all = [...ownFindings(facts, judged), ...objectFindings(facts), ...recordedFindings(facts)]
  const seen = new Set<string>()
  return all
    .filter(({ code, message }) => !seen.has(`${code}\0${message}`) && seen.add(`${code}\0${message}`))
    .sort((a, b) => gravestFirst[a.severity] - gravestFirst[b.severity])
}

/** What stands against its sets of objects, by their status. */
function objectFindings({ name, stored, now }: ProductFacts): ReportFinding[] {
  const found = stored.objects?.find(({ product }) => product === name)?.findings ?? []
  return found.map(({ severity, code, message, hint }) => ({
    ...{ severity, code, message, hint },
    ...{ source: 'this report', at: now.toISOString() },
  }))
}

/** Of each destination the newest verification and the newest drill: what an older one found may be mended. */
function recordedFindings({ records }: ProductFacts): ReportFinding[] {
  const newest = new Map<string, ProofRecord>()
  for (const record of records) {
    const key = `${record.kind} ${record.destination}`
    if (!newest.has(key)) newest.set(key, record)
  }
  return [...newest.values()].flatMap(record =>
    record.findings
      // Age and objectives are judged anew, as of now.
      .filter(({ code }) => code !== tooOld && code !== rtoExceeded)
      .map(finding => ({
        ...finding,
        source: `${record.kind} of ${record.id} at ${record.destination}`,
        at: record.at,
      })),
  )
}

function ownFindings({ stored, name, config, backups, drills, now }: ProductFacts, judged: Judged): ReportFinding[] {
  const found: ReportFinding[] = []
  const add = (severity: Finding['severity'], code: string, message: string, hint: string | null) =>
    found.push({ severity, code, message, hint, source: 'this report', at: now.toISOString() })
  const { rpo } = judged
  for (const one of stored.unreachable.filter(({ product }) => product === name))
    add('critical', 'store-unreachable', `${one.destination} did not answer: ${one.message}`, 'lifeboat doctor')
  if (backups.length === 0) add('critical', 'backup-missing', 'there is no backup', `lifeboat backup ${name}`)
  if (rpo.state === 'missed')
    add(
      'critical',
      tooOld,
      `the newest backup is ${spokenDuration(rpo.measuredMs!)} old; the RPO is ${spokenDuration(rpo.objectiveMs!)}`,
      'make a backup now, and see why the schedule made none',
    )
  for (const { key, destination, message } of stored.unreadable.filter(({ product }) => product === name))
    add('critical', 'manifest-invalid', `${key} at ${destination} cannot be read: ${message}`, 'lifeboat verify')
  const silent = new Set(stored.unreachable.filter(({ product }) => product === name).map(one => one.destination))
  for (const { destination, records } of stored.refused.filter(({ product }) => product === name))
    add(
      'warning',
      'records-refused',
      `${records} records at ${destination} were not written by a holder of the key, or were changed; they are not counted`,
      'see who may write to the store',
    )
  judgeDestinations(
    judged.destinations.filter(one => !silent.has(one.name)),
    backups[0]?.id,
    name,
    add,
    one => isBehindHere(one, { config, backups }),
  )
  if (backups.length === 0 && drills.length === 0) return found
  const expected = {
    intervalMs: config.drill.interval,
    rtoMs: config.objectives.rto,
    databaseBytes: backups[0]?.manifest.source.databaseBytes,
  }
  for (const { severity, code, message, hint } of judgeDrills(drills, now, expected)) add(severity, code, message, hint)
  return found
}

/** A destination that takes one a month is not behind for the rest of it. */
function isBehindHere(name: string, { config, backups }: Pick<ProductFacts, 'config' | 'backups'>): boolean {
  const madeOf = ({ id, manifest }: (typeof backups)[number]) => ({ id, createdAt: manifest.createdAt })
  const here = backups.filter(one => one.destination === name).map(madeOf)
  return backups[0] !== undefined && isBehind(config.destinations[name]?.schedule, here, madeOf(backups[0]))
}

function judgeDestinations(
  destinations: readonly DestinationState[],
  newestId: string | undefined,
  product: string,
  add: (severity: Finding['severity'], code: string, message: string, hint: string | null) => void,
  behind: (destination: string) => boolean,
): void {
  for (const { name, newest, proof } of destinations) {
    if (newestId === undefined) return
    if (newest === null) add('critical', 'backup-missing', `${name} holds no backup`, `lifeboat backup ${product}`)
    else if (behind(name))
      add('warning', 'destination-behind', `the newest backup is not at ${name}`, `lifeboat backup ${product}`)
    if (newest !== null && proof === null)
      add(
        'warning',
        'never-verified',
        `the newest backup at ${name} was not read back yet`,
        `lifeboat verify ${product}/latest --destination ${name}`,
      )
    else if (proof?.ok === false)
      add(
        'critical',
        'verification-failed',
        `the newest backup at ${name} is not sound`,
        'make a backup now; what was found is below',
      )
  }
}
