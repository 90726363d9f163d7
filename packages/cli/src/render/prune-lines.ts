import type { Kept, PruneResult } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatTime } from './quantities.js'
import { renderSweep } from './sweep-lines.js'

/** What is kept, what goes, and why. */
export function renderPrune(result: PruneResult, colours: Colours): string[] {
  const { keep, remove } = result.plan
  const done = result.applied ? `removed ${result.removed.length}` : `would remove ${remove.length}`
  const going = result.applied ? 'remove' : 'would go'
  return [
    `${result.product} at ${result.destination}: keep ${keep.length}, ${done}`,
    ...keep.map(one => line(colours.green('keep'.padEnd(8)), one)),
    ...remove.map(one => line(colours.yellow(going.padEnd(8)), one)),
    ...result.retained.map(({ id, message }) => `  ${colours.red('retained')}  ${oneLine(`${id}: ${message}`)}`),
    ...(result.sweep.garbage.length === 0 ? [] : renderSweep(result.sweep, colours)),
  ]
}

function line(verdict: string, { id, createdAt, reasons }: Kept): string {
  return `  ${verdict}  ${oneLine(id)}  ${formatTime(createdAt)}  ${oneLine(reasons.join(', '))}`.trimEnd()
}
