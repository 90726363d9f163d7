import type { ObjectSetConfig } from '../config/objects-schema.js'
import { spokenCount, spokenDuration, spokenTime } from '../report/quantities.js'
import type { PlanInput } from './compose-plan.js'
import { describeRetention } from './describe-destinations.js'
import { code, inline, shell, table } from './markdown.js'

/** What is copied object by object: from where, to where, how often, and how it is brought back, to the letter. */
export function describeObjects({ product, config, report }: PlanInput): string[] {
  return Object.entries(config.objects ?? {}).flatMap(([set, one], at) => {
    const destinations = one.destinations ?? Object.keys(config.destinations)
    const rows = destinations.map(name => {
      const known = report.objects
        .find(found => found.set === set)
        ?.destinations.find(({ destination }) => destination === name)
      const newest = known?.newest ?? null
      const proven = known?.lastVerification ?? null
      return [
        name,
        code(config.destinations[name]!.store.location),
        newest === null ? '**none**' : `${spokenTime(newest.createdAt)}, ${spokenCount(newest.objects)} objects`,
        proven === null ? 'not read back' : `${proven.ok ? proven.level : '**failed**'} ${spokenTime(proven.at)}`,
      ]
    })
    const prefix = one.prefix === '' ? '' : `, keys that begin with ${code(one.prefix)}`
    return [
      ...(at === 0 ? [] : ['']),
      `### ${inline(set)}`,
      '',
      `From ${code(one.from.location)}${prefix}, ${howOften(one)}. Kept: ${describeRetention(one.retention)}.`,
      '',
      ...table(['destination', 'place', 'newest', 'read back'], rows),
      '',
      'What is there, then all of it into a folder, and what the source lacks back into the source:',
      '',
      ...shell([
        `lifeboat objects list ${product} ${set}`,
        `lifeboat objects restore ${product} ${set} --destination ${destinations[0]} --to ./${set}-restored --yes`,
        `lifeboat objects restore ${product} ${set} --destination ${destinations[0]} --to source --keep-existing --yes`,
      ]),
      ...(one.storageClass === undefined
        ? []
        : [
            '',
            `Its content is stored as ${code(one.storageClass)}: what lies in an archive must be retrieved first, which takes hours.`,
          ]),
      '',
      '`--snapshot ID` takes another one than the newest, and `--prefix PREFIX` a part of it.',
    ]
  })
}

function howOften({ schedule, rpo }: ObjectSetConfig): string {
  const often =
    schedule?.copy === undefined
      ? '**by hand: it has no schedule**'
      : `copied when ${code(schedule.copy)} (${inline(schedule.timeZone)}) says`
  return rpo === undefined ? often : `${often}, at most ${spokenDuration(rpo)} old`
}
