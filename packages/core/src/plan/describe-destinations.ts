import type { RetentionPolicy } from '../config/config-schema.js'
import { spokenBytes, spokenDuration, spokenTime } from '../report/quantities.js'
import type { PlanInput } from './compose-plan.js'
import { code, inline, table } from './markdown.js'

/** What lies where, and how long it stays there. */
export function describeDestinations({ config, report }: PlanInput): string[] {
  const { schemas } = config.source
  const rows = Object.entries(config.destinations).map(([name, destination]) => {
    const { newest, backups, proof } = report.destinations.find(one => one.name === name) ?? {
      ...{ newest: null, backups: 0, proof: null },
    }
    const last = newest === null ? '**none**' : `${spokenTime(newest.createdAt)}, ${spokenBytes(newest.storedBytes)}`
    const proven = proof === null ? 'not read back' : `${proof.ok ? 'proven' : '**failed**'} ${spokenTime(proof.at)}`
    return [
      name,
      code(destination.store.location),
      [
        ...(destination.schedule ? [`${destination.schedule.every} only`] : []),
        describeRetention(destination.retention),
      ].join('; '),
      String(backups),
      last,
      newest === null ? '' : proven,
    ]
  })
  return [
    `Each backup is one dump of ${schemas === undefined ? 'the whole database' : `the schemas ${schemas.map(inline).join(', ')}`}, encrypted before it leaves the machine, in each of these:`,
    '',
    ...table(['destination', 'place', 'kept', 'backups', 'newest', 'read back'], rows),
  ]
}

export function describeNotKept({ report }: PlanInput): string[] {
  return report.notIncluded.map(({ what, why }) => `- ${inline(what)}: ${inline(why)}`)
}

/** `the newest 7; one a day for 30 days`, in the order of the rules. */
export function describeRetention(retention: RetentionPolicy): string {
  const { last, keepWithin, hourly, daily, weekly, monthly, yearly, minimum } = retention
  const rules = [
    ...(last === undefined ? [] : [`the newest ${last}`]),
    ...(keepWithin === undefined ? [] : [`all of ${spokenDuration(keepWithin)}`]),
    ...Object.entries({ hour: hourly, day: daily, week: weekly, month: monthly, year: yearly }).flatMap(
      ([unit, count]) => (count === undefined ? [] : [`one of each ${unit}, ${count} of them`]),
    ),
  ]
  return rules.length === 0 ? 'everything, for ever' : `${rules.join('; ')}; never fewer than ${minimum} verified`
}
