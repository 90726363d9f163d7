import type { Finding, VerificationReport } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatBytes, formatDuration, plural } from './quantities.js'

/** A verdict, then every finding with what to do about it. */
export function renderVerification(report: VerificationReport, colours: Colours): string[] {
  const verdict = report.ok ? colours.green('ok') : colours.red('NOT OK')
  const read = [`level ${report.level}`]
  if (report.tables !== null) read.push(plural(report.tables, 'table'))
  if (report.rows !== null) read.push(plural(report.rows, 'row'))
  read.push(`${formatBytes(report.readBytes)} read in ${formatDuration(report.durationMs)}`)
  const name = oneLine(`${report.product}/${report.id} at ${report.destination}`)
  return [
    `${name}: ${verdict} (${read.join(', ')})`,
    ...report.findings.flatMap(finding => findingLines(finding, colours)),
  ]
}

/** A finding, and under it what to do. */
export function findingLines(finding: Finding, colours: Colours): string[] {
  const paint = { critical: colours.red, warning: colours.yellow, info: colours.dim }[finding.severity]
  const line = `  ${paint(finding.severity.padEnd(8))}  ${finding.code}: ${oneLine(finding.message)}`
  return finding.hint === null ? [line] : [line, `            hint: ${oneLine(finding.hint)}`]
}
