import type { RestorePlan, RestoreResult } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { partFields, partLines } from './part-lines.js'
import { formatBytes, formatDuration, formatTime, plural } from './quantities.js'
import { renderFields } from './table.js'

/** What a restore is about to do. */
export function renderPlan(plan: RestorePlan): string[] {
  const counted = definitionsOnly(plan)
    ? 'definitions, no rows'
    : plan.tables === null
      ? 'tables not counted'
      : `${plural(plan.tables, 'table')}, ${plural(plan.rows ?? 0, 'row')}`
  const fields: (readonly [string, string])[] = [
    ['restore', oneLine(`${plan.product}/${plan.id} of ${formatTime(plan.createdAt)}, from ${plan.destination}`)],
    ['contents', `${counted}, ${sizeOf(plan)}`],
    ['into', `${oneLine(plan.target)}${plan.create ? ' (a new database)' : ''}`],
  ]
  if (plan.besides !== undefined)
    fields.push(['besides', oneLine(`${plan.besides.join(', ')} (not restored here: --files, --roles)`)])
  if (plan.part !== null) fields.push(...partFields(plan.part))
  if (plan.profile !== null)
    fields.push([
      'profile',
      `${plan.profile.name}: ${plan.profile.kept.length} entries kept, ${plan.skipped.length} left out (--dry-run lists them)`,
    ])
  if (plan.overwrite)
    fields.push([
      'overwrite',
      `${plan.part === null ? 'objects named in the backup are' : 'what is in the way is'} dropped first`,
    ])
  if (plan.targetIsSource) fields.push(['attention', 'this is the database the backup came from'])
  return [...renderFields(fields), ...(plan.part === null ? [] : partLines(plan.part, plan.skipped))]
}

function definitionsOnly({ part }: RestorePlan): boolean {
  return part?.only === 'schema'
}

/** A part is read from the whole: to its end, which proves that nothing was cut off or changed. */
function sizeOf({ part, plainBytes }: RestorePlan): string {
  return part === null
    ? formatBytes(plainBytes)
    : `${formatBytes(part.bytes)} (${formatBytes(plainBytes)} will be read)`
}

/** What a restore did. */
export function renderRestored({ plan, tables, rows, steps, durationMs }: RestoreResult, colours: Colours): string[] {
  const what = definitionsOnly(plan) ? 'definitions, no rows,' : `${plural(tables, 'table')}, ${plural(rows, 'row')}`
  return [
    `${colours.green('restored')} ${oneLine(`${plan.product}/${plan.id} into ${plan.target}`)}: ${what} in ${formatDuration(durationMs)}`,
    ...renderFields(
      steps.map(({ step, durationMs }) => [oneLine(step), formatDuration(durationMs)] as const),
      '  ',
    ),
  ]
}
