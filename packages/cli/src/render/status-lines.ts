import type { DestinationStatus, ObjectSetStatus, ProductStatus, StatusFinding, StatusReport } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatAge, formatBytes, formatTime, plural } from './quantities.js'
import { renderFields } from './table.js'

/** Short lines, as a phone shows them: the word first, then what stands behind it. */
export function renderStatus(report: StatusReport, colours: Colours): string[] {
  const atMs = Date.parse(report.checkedAt)
  return report.products.flatMap((product, at) => [...(at === 0 ? [] : ['']), ...productLines(product, atMs, colours)])
}

function productLines(product: ProductStatus, atMs: number, colours: Colours): string[] {
  const paint = { ok: colours.green, warning: colours.yellow, critical: colours.red }[product.state]
  const ago = (iso: string) => `${formatAge(atMs - Date.parse(iso))} ago`
  const proof = (last: ProductStatus['lastDrill']) =>
    last === null
      ? 'never'
      : `${last.ok ? 'passed' : colours.red('failed')} ${ago(last.at)} at ${oneLine(last.destination)}`
  const { nextRun } = product
  return [
    `${colours.bold(oneLine(product.product))}: ${paint(product.state)}`,
    ...renderFields(
      [
        ...product.destinations.map(one => [oneLine(one.destination), destinationText(one, colours)] as const),
        ['verified', proof(product.lastVerification)],
        ['drilled', proof(product.lastDrill)],
        ...(nextRun === null ? [] : [['next run', `${nextRun.job} at ${formatTime(nextRun.at)}`] as const]),
      ],
      '  ',
    ),
    ...product.objects.flatMap(set => setLines(set, ago, colours)),
    ...product.findings.flatMap(finding => findingLines(finding, ago, colours)),
  ]
}

function destinationText({ reachable, newest, backups }: DestinationStatus, colours: Colours): string {
  if (!reachable) return colours.red('does not answer')
  if (newest === null) return 'empty'
  const proven = newest.verified === null ? '' : newest.verified ? ', proven' : `, ${colours.red('failed')}`
  return `${formatAge(newest.ageMs)} old, ${formatBytes(newest.storedBytes)}${proven}; ${plural(backups, 'backup')}`
}

function setLines(set: ObjectSetStatus, ago: (iso: string) => string, colours: Colours): string[] {
  const { nextRun } = set
  const next = nextRun === null ? '' : ` (next ${nextRun.job} at ${formatTime(nextRun.at)})`
  return [
    `  objects ${oneLine(set.set)}${next}`,
    ...renderFields(
      set.destinations.map(one => [oneLine(one.destination), snapshotText(one, ago, colours)] as const),
      '    ',
    ),
  ]
}

function snapshotText(
  { reachable, newest, snapshots, lastVerification }: ObjectSetStatus['destinations'][number],
  ago: (iso: string) => string,
  colours: Colours,
): string {
  if (!reachable) return colours.red('does not answer')
  if (newest === null) return 'never copied'
  const proven = newest.verified === null ? '' : newest.verified ? ', proven' : `, ${colours.red('failed')}`
  const read = lastVerification === null ? '' : `; verified ${ago(lastVerification.at)}`
  const missed = newest.missed === 0 ? '' : `, ${colours.yellow(`${newest.missed} missed`)}`
  return `${formatAge(newest.ageMs)} old, ${plural(newest.objects, 'object')}, ${formatBytes(newest.plainBytes)}${missed}${proven}; ${plural(snapshots, 'snapshot')}${read}`
}

function findingLines(finding: StatusFinding, ago: (iso: string) => string, colours: Colours): string[] {
  const paint = { critical: colours.red, warning: colours.yellow, info: colours.dim }[finding.severity]
  const since = finding.since === null ? '' : ` (since ${ago(finding.since).replace(/ ago$/, '')})`
  return [
    `  ${paint(finding.severity)} ${finding.code}${since}`,
    `    ${oneLine(finding.message)}`,
    ...(finding.hint === null ? [] : [`    hint: ${oneLine(finding.hint)}`]),
  ]
}
