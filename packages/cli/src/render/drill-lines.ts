import type { DrillReport } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatAge, formatDuration, plural } from './quantities.js'
import { findingLines } from './verification-lines.js'

/** A verdict, the timeline, the objectives, what was left out, and every finding. */
export function renderDrill(report: DrillReport, colours: Colours): string[] {
  const { record } = report
  const verdict = report.ok ? colours.green('ok') : colours.red('NOT OK')
  const name = oneLine(`${report.product}/${report.id} at ${report.destination}`)
  const where = record.scratch.kind === 'local' ? 'a server of its own' : 'the configured server'
  const version = record.scratch.serverVersion === null ? '' : ` (PostgreSQL ${oneLine(record.scratch.serverVersion)})`
  return [
    `${name}: ${verdict}, restored on ${where}${version} in ${formatDuration(record.durationMs)}`,
    ...record.steps.map(
      ({ step, startedAfterMs, durationMs }) =>
        `  ${formatDuration(startedAfterMs).padStart(9)}  ${formatDuration(durationMs).padStart(9)}  ${oneLine(step)}`,
    ),
    ...proofLines(report),
    ...objectiveLines(report),
    ...record.leftOut.map(({ entry, reason }) => `  left out: ${oneLine(entry)} (${oneLine(reason)})`),
    ...report.findings.flatMap(finding => findingLines(finding, colours)),
  ]
}

function proofLines({ record: { proof } }: DrillReport): string[] {
  if (proof === null) return ['  proof: it did not come so far']
  const what = [plural(proof.tables, 'table'), plural(proof.rows, 'row')]
  if (proof.kind === 'content') what.push(plural(proof.entries, 'definition'), plural(proof.sequences, 'sequence'))
  const counted =
    proof.kind === 'content' && proof.countedOnly > 0 ? ` (${plural(proof.countedOnly, 'table')} by count only)` : ''
  return [`  proof by ${proof.kind}: ${what.join(', ')}${counted}; ${plural(proof.differences, 'difference')}`]
}

function objectiveLines({ record: { objectives }, estimate }: DrillReport): string[] {
  const { ageMs, rpoMs, rpoMet, totalMs, rtoMs, rtoMet } = objectives
  const kept = (met: boolean | null) => (met ? 'kept' : 'missed')
  const rpo = rpoMs === null ? 'no RPO is configured' : `RPO ${formatDuration(rpoMs)}: ${kept(rpoMet)}`
  const rto = rtoMs === null ? 'no RTO is configured' : `RTO ${formatDuration(rtoMs)}: ${kept(rtoMet)}`
  const lines = [`  the data were ${formatAge(ageMs)} old (${rpo}); the drill took ${formatDuration(totalMs)} (${rto})`]
  if (estimate !== null) {
    const error = estimate.errorMs === null ? '' : ` ± ${formatDuration(estimate.errorMs)}`
    lines.push(
      `  a restore takes about ${formatDuration(estimate.restoreMs)}${error}, from ${plural(estimate.drills, 'drill')}`,
    )
  }
  return lines
}
