import { spokenDuration, spokenTime } from '../report/quantities.js'
import { nextRun } from '../schedule/due-times.js'
import type { PlanInput } from './compose-plan.js'
import { inline, shell, table } from './markdown.js'

const shown = 6

/** When a restore is rehearsed next, and what came of the last times. */
export function describeDrills(input: PlanInput): string[] {
  const { product, report } = input
  const held = report.drills.map(({ startedAt, id, destination, totalMs, recoveryMs, ok, proof }) => [
    ...[spokenTime(startedAt), id, destination, spokenDuration(recoveryMs), spokenDuration(totalMs)],
    ok ? `passed${proof === null ? '' : `: ${inline(proof)}`}` : '**failed**',
  ])
  return [
    ...calendar(input),
    '',
    ...shell([`lifeboat drill ${product}`]),
    '',
    ...(held.length === 0
      ? ['**No restore was rehearsed yet.**']
      : table(['held', 'backup', 'destination', 'data usable after', 'in all', 'result'], held)),
  ]
}

function calendar({ config, report, now }: PlanInput): string[] {
  const { schedule, drill } = config
  if (schedule?.drill !== undefined) {
    const due: string[] = []
    let next = nextRun(schedule.drill, schedule.timeZone, now)
    while (next !== undefined && due.length < shown) {
      due.push(spokenTime(next.toISOString()))
      next = nextRun(schedule.drill, schedule.timeZone, next)
    }
    return ['Due, by the schedule:', '', ...due.map(one => `- ${one}`)]
  }
  if (drill.interval === undefined) return ['**No drill is planned**: set `schedule.drill` or `drill.interval`.']
  const last = report.drills[0]?.startedAt
  const dueMs = last === undefined ? now.getTime() : Date.parse(last) + drill.interval
  const when = dueMs <= now.getTime() ? '**now**' : spokenTime(new Date(dueMs).toISOString())
  return [`One is due every ${spokenDuration(drill.interval)}; the next ${when}.`]
}
