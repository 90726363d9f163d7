import type { BackupResult, Manifest } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatBytes, formatDuration, formatTime, plural } from './quantities.js'

/** What became of one backup: a line, a line per destination, and the totals. */
export function renderBackup(result: BackupResult, colours: Colours): string[] {
  const complete = result.status === 'complete'
  const verdict = complete ? colours.green('complete') : colours.yellow('partial')
  const width = Math.max(...result.destinations.map(({ destination }) => destination.length))
  return [
    `${result.product}/${result.id}: ${verdict} in ${formatDuration(result.durationMs)}, ${contentsOf(result.manifest)}`,
    ...result.destinations.flatMap(({ destination, location, outcome, turn, error }) => {
      const name = `  ${destination.padEnd(width)}`
      if (outcome === 'not-due')
        return [`${name}  not due: it has ${turn?.has}, and takes the first one after ${formatTime(turn?.next ?? '')}`]
      if (outcome === 'stored') return [`${name}  stored at ${oneLine(location)}`]
      const lines = [`${name}  ${colours.red('failed')}: ${oneLine(error?.message ?? 'no reason given')}`]
      return error?.hint ? [...lines, `  ${' '.repeat(width)}  hint: ${oneLine(error.hint)}`] : lines
    }),
  ]
}

/** `12 tables, 1,234 rows, 34 MB stored as 12 MB`. */
export function contentsOf(manifest: Manifest): string {
  const rows = rowsOf(manifest)
  const counted =
    manifest.tables === null
      ? 'tables not counted'
      : `${plural(manifest.tables.length, 'table')}, ${plural(rows ?? 0, 'row')}`
  const plain = manifest.artifacts.reduce((sum, artifact) => sum + artifact.plainBytes, 0)
  const stored = manifest.artifacts.reduce((sum, artifact) => sum + artifact.storedBytes, 0)
  return `${counted}, ${formatBytes(plain)} stored as ${formatBytes(stored)}`
}

/** Rows in all tables; null when the archive's tables could not be read. */
export function rowsOf(manifest: Manifest): number | null {
  return manifest.tables === null ? null : manifest.tables.reduce((sum, table) => sum + table.rows, 0)
}
