import type { ProductConfig } from '../config/config-schema.js'
import type { KeyListing } from '../keys/key-state.js'
import { spokenDuration, spokenTime } from '../report/quantities.js'
import type { ProductReport } from '../report/report-model.js'
import type { Timeline } from '../timeline/timeline.js'
import { toolName, toolVersion } from '../tool-version.js'
import { breakGlass } from './break-glass.js'
import { describeDestinations, describeNotKept } from './describe-destinations.js'
import { describeDrills } from './describe-drills.js'
import { describeKeys } from './describe-keys.js'
import { describeObjects } from './describe-objects.js'
import { inline, table } from './markdown.js'
import { procedures } from './procedures.js'

/** What a plan is written from. */
export interface PlanInput {
  readonly product: string
  readonly config: ProductConfig
  readonly report: ProductReport
  readonly timeline: Timeline
  /** Or why they could not be read. */
  readonly keys: KeyListing | string
  readonly now: Date
}

/** Writes the plan: pure. */
export function composePlan(input: PlanInput): string {
  const { product, config, now, timeline } = input
  const lines = [
    `# Disaster recovery of ${product}`,
    '',
    `Made ${spokenTime(now.toISOString())} by ${toolName} ${toolVersion} (\`lifeboat plan ${product}\`) from the configuration and from what lies in the stores. ` +
      'It holds no secret. Print it, and keep it where the database is not.',
    ...timeline.unanswered.map(
      ({ place, message }) => `\n**Not in it**: ${inline(place)} did not answer: ${inline(message)}`,
    ),
    ...['', '## Objectives', '', ...objectives(input)],
    ...['', '## What is kept, where, and for how long', '', ...describeDestinations(input)],
    ...(Object.keys(config.objects ?? {}).length === 0 ? [] : ['', '## Copied objects', '', ...describeObjects(input)]),
    ...['', '## What is not kept', '', ...describeNotKept(input)],
    ...['', '## Keys', '', ...describeKeys(input)],
    ...['', '## When it happens', '', ...procedures(input)],
    ...['', '## Break glass: without Lifeboat', '', ...breakGlass(input)],
    ...['', '## Drills', '', ...describeDrills(input)],
  ]
  return `${lines.join('\n')}\n`
}

function objectives({ report, timeline }: PlanInput): string[] {
  const { rpo, rto } = report
  const spoken = (ms: number | null) => (ms === null ? 'not known' : spokenDuration(ms))
  const verdict = { met: 'met', missed: '**missed**', unknown: 'nobody has measured it', none: 'no objective is set' }
  const worst = timeline.losses.find(({ loss }) => loss === 'database-gone')?.worstDataAgeMs ?? null
  const drilled = rto.drilledAt === null ? 'no drill yet' : `the drill of ${spokenTime(rto.drilledAt)}`
  return table(
    ['objective', 'at most', 'measured', ''],
    [
      [
        'loss of data (RPO)',
        rpo.objectiveMs === null ? '' : spokenDuration(rpo.objectiveMs),
        `${spoken(rpo.measuredMs)} now; at worst ${spoken(worst)} in the week before`,
        verdict[rpo.state],
      ],
      [
        'time to recover (RTO)',
        rto.objectiveMs === null ? '' : spokenDuration(rto.objectiveMs),
        `${spoken(rto.measuredMs)} (${drilled})`,
        verdict[rto.state],
      ],
    ],
  )
}
