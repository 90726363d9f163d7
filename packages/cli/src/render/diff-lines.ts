import type { SchemaDiff } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatTime, plural } from './quantities.js'

/** A line for each difference: `+` only in the database, `-` only in the backup, `~` defined otherwise. */
export function renderDiff(diff: SchemaDiff, colours: Colours): string[] {
  const marks = { added: colours.green('+'), missing: colours.red('-'), changed: colours.yellow('~') }
  const backup = oneLine(`${diff.product}/${diff.id}`)
  const how = diff.definitionsCompared ? '' : ' (by name only: the versions differ)'
  return [
    ...diff.differences.map(({ kind, entry }) => `${marks[kind]} ${oneLine(entry)}`),
    `${backup} of ${formatTime(diff.createdAt)} against ${oneLine(diff.source)}: ${
      diff.differences.length === 0
        ? `no difference in ${plural(diff.entries, 'definition')}`
        : `${plural(diff.differences.length, 'difference')} (+ only in the database, - only in the backup, ~ defined otherwise)`
    }${how}`,
  ]
}
