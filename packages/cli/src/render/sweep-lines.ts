import type { SweepResult } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatBytes, formatTime } from './quantities.js'

/** What crashed runs left, and what became of it. */
export function renderSweep(result: SweepResult, colours: Colours): string[] {
  const { garbage, applied } = result
  const found = garbage.length === 0 ? 'nothing was left behind' : `${garbage.length} left behind by crashed runs`
  const done = applied && garbage.length > 0 ? `, removed ${result.removed.length}` : ''
  return [
    `${result.product} at ${result.destination}: ${found}${done}`,
    ...garbage.map(
      ({ kind, key, sizeBytes, since }) =>
        `  ${colours.yellow(kind.padEnd(25))}  ${oneLine(key)}  ${formatBytes(sizeBytes)}  ${formatTime(since)}`,
    ),
    ...result.retained.map(({ key, message }) => `  ${colours.red('retained')}  ${oneLine(`${key}: ${message}`)}`),
  ]
}
