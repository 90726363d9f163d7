import type { Recovered, RecoveryPlan, RecoveryWindow, RestorePoint } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatDuration } from './quantities.js'
import { renderFields } from './table.js'

/** One line on the instants that a provider can go back to; with seconds, since they can be asked for. */
export function windowLine({ status, earliest, latest, notes }: RecoveryWindow): string {
  const said = notes.length === 0 ? '' : ` (${oneLine(notes.join('; '))})`
  if (earliest === null || latest === null) return `no recovery to an instant: ${status}${said}`
  return `recovery to any instant from ${earliest} to ${latest}${said}`
}

/** One line on a restore point. */
export function restorePointLine({ name, status, completedAt }: RestorePoint): string {
  return `restore point ${name}: ${status}${completedAt === null ? '' : `, of ${completedAt}`}`
}

/** What a recovery is about to do. */
export function renderRecoveryPlan(plan: RecoveryPlan): string[] {
  const what = plan.kind === 'instant' ? 'the instant' : plan.kind === 'backup' ? 'the backup' : 'the restore point'
  const place = plan.place === 'in-place' ? 'in place: the live data is replaced' : 'a new instance beside it'
  return renderFields([
    ['recover', oneLine(plan.target)],
    ['to', oneLine(`${what} ${plan.to}`)],
    ['into', place],
    ...(plan.cost === null ? [] : [['cost', oneLine(plan.cost)] as const]),
  ])
}

export function renderRecovered({ operation, durationMs, notes, instance }: Recovered, colours: Colours): string[] {
  const { plan } = operation
  const where = instance === null ? '' : ` as ${instance}`
  return [
    `${colours.green('recovered')} ${oneLine(`${plan.target} to ${plan.to}${where}`)} in ${formatDuration(durationMs)}`,
    ...notes.map(note => `  ${oneLine(note)}`),
  ]
}
