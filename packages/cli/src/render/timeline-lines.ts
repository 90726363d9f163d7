import type { LossAnswer, Timeline, Way } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatDuration, formatTime, plural } from './quantities.js'
import { renderFields } from './table.js'

const sourceNames: Readonly<Record<Way['source'], string>> = {
  'point-in-time': 'point-in-time recovery',
  'provider-backup': "the provider's backups",
  'provider-export': "the provider's exports",
  dump: 'dumps',
  export: 'mirrored exports',
}

export function renderTimeline(timeline: Timeline, colours: Colours): string[] {
  return [
    colours.bold(`${timeline.product}, if it were lost at ${formatTime(timeline.at)}`),
    ...timeline.losses.flatMap(answer => ['', ...renderAnswer(answer, timeline, colours)]),
  ]
}

function renderAnswer(answer: LossAnswer, timeline: Timeline, colours: Colours): string[] {
  const [best, ...others] = answer.ways
  const title = colours.bold(answer.title)
  if (best === undefined) return [`${title}: ${colours.red('nothing could be recovered')}`, ...lostLines(answer)]
  const age = `${formatDuration(best.dataAgeMs)} of data lost`
  const judged =
    answer.meetsRpo === null
      ? age
      : answer.meetsRpo
        ? colours.green(age)
        : colours.red(`${age}, more than the RPO (${formatDuration(timeline.rpoMs ?? 0)})`)
  return [
    `${title}: ${judged}`,
    ...wayLines(best, answer),
    ...others.map(
      one =>
        `  or: ${sourceNames[one.source]} at ${oneLine(one.place)}, ${formatDuration(one.dataAgeMs)} lost: ${oneLine(one.command)}`,
    ),
    ...lostLines(answer),
  ]
}

function wayLines(way: Way, { meetsRto }: LossAnswer): string[] {
  const { from, to, count } = way.instants
  const instants =
    count === 'any'
      ? `any from ${formatTime(from)} to ${formatTime(to)}`
      : `${plural(count, 'instant')} from ${formatTime(from)} to ${formatTime(to)}`
  const time = way.expectedMs === null ? 'not known' : formatDuration(way.expectedMs)
  const late = meetsRto === false ? ', more than the RTO' : ''
  return renderFields(
    [
      ['from', `${sourceNames[way.source]} at ${oneLine(way.place)} (${instants})`],
      [
        'instant',
        `${formatTime(way.instant)}; at worst in the week before ${formatDuration(way.worstDataAgeMs)} were at stake`,
      ],
      ['time', `${time}${late}: ${oneLine(way.expectedFrom)}`],
      ['needs', oneLine(way.credential)],
      ['run', oneLine(way.command)],
      ...way.notes.map(text => ['note', oneLine(text)] as const),
    ],
    '  ',
  )
}

function lostLines({ lost }: LossAnswer): string[] {
  return lost.map(({ place, why }) => `  gone, too: ${oneLine(place)} (${oneLine(why)})`)
}
