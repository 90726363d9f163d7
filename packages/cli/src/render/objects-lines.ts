import {
  type CopyObjectsResult,
  describeArchived,
  type ListedSnapshot,
  type ObjectCopy,
  type ObjectRestorePlan,
  type ObjectRestoreResult,
  type ObjectsPruneResult,
  type ObjectsReport,
} from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatBytes, formatCount, formatDuration, formatTime, plural } from './quantities.js'
import { renderTable } from './table.js'
import { findingLines } from './verification-lines.js'

export function renderCopied(result: CopyObjectsResult, colours: Colours): string[] {
  const verdict = result.status === 'complete' ? colours.green('complete') : colours.yellow('partial')
  return [
    `${result.product}/${result.set}: ${verdict} (${oneLine(result.source)}, ${formatDuration(result.durationMs)})`,
    ...result.destinations.flatMap(copy => copyLines(copy, colours)),
  ]
}

function copyLines(copy: ObjectCopy, colours: Colours): string[] {
  const { destination, snapshot, error } = copy
  if (snapshot === null) return [`  ${colours.red('failed')}  ${destination}: ${oneLine(error?.message ?? '')}`]
  const counts = (['added', 'changed', 'removed', 'unchanged', 'resumed', 'vanished'] as const)
    .filter(name => copy[name] > 0)
    .map(name => `${formatCount(copy[name])} ${name}`)
  const moved = `${formatBytes(copy.fetchedBytes)} read, ${formatBytes(copy.storedBytes)} stored`
  const missed = snapshot.missed - copy.missed.length
  return [
    `  ${destination}: ${snapshot.id}, ${plural(snapshot.objects, 'object')}, ${formatBytes(snapshot.plainBytes)} (${[...counts, moved].join(', ')})`,
    ...copy.missed.map(({ key, message, kept }) => {
      const what = kept ? 'as an earlier run had it' : 'not in the snapshot'
      return `    ${colours.yellow('missed')}  ${oneLine(key)}: ${oneLine(message)}; ${what}`
    }),
    ...(missed > 0 ? [`    ${colours.yellow('missed')}  and ${formatCount(missed)} more`] : []),
  ]
}

export function renderSnapshots(snapshots: readonly ListedSnapshot[], colours: Colours): string[] {
  if (snapshots.length === 0) return ['no snapshots']
  return renderTable<ListedSnapshot>(
    [
      { title: 'set', cell: one => `${one.product}/${one.set}` },
      { title: 'snapshot', cell: one => one.id },
      { title: 'made', cell: one => formatTime(one.snapshot.createdAt) },
      { title: 'destination', cell: one => one.destination },
      { title: 'objects', align: 'right', cell: one => formatCount(one.snapshot.objects) },
      { title: 'size', align: 'right', cell: one => formatBytes(one.snapshot.plainBytes) },
      { title: 'new', align: 'right', cell: one => formatBytes(one.snapshot.added.plainBytes) },
      { title: 'missed', align: 'right', cell: one => formatCount(one.snapshot.missed) },
      ...(snapshots.some(({ archived }) => archived)
        ? [{ title: 'content', cell: (one: ListedSnapshot) => (one.archived ? 'in an archive' : '') }]
        : []),
    ],
    snapshots,
    colours.bold,
  )
}

export function renderObjectsReport(report: ObjectsReport, colours: Colours): string[] {
  const verdict = report.ok ? colours.green('ok') : colours.red('NOT OK')
  const read = report.level === 'stored' ? plural(report.read, 'content') : plural(report.read, 'object')
  const details = [`level ${report.level}`, plural(report.objects, 'object')]
  if (report.level !== 'listed') details.push(`${read}, ${formatBytes(report.readBytes)} read`)
  const name = `${report.product}/${report.set}/${report.id} at ${report.destination}`
  return [
    `${name}: ${verdict} (${details.join(', ')} in ${formatDuration(report.durationMs)})`,
    ...report.findings.flatMap(finding => findingLines(finding, colours)),
  ]
}

export function renderObjectPlan(plan: ObjectRestorePlan): string[] {
  const part = plan.prefix === '' ? '' : `, keys that begin with ${oneLine(plan.prefix)}`
  const existing = {
    refuse: 'nothing is there yet',
    keep: `${formatCount(plan.present)} are there already and stay as they are`,
    overwrite: `${formatCount(plan.present)} are there already and are replaced`,
  }[plan.existing]
  return [
    `restore ${plan.product}/${plan.set}/${plan.id} (${formatTime(plan.createdAt)}, at ${plan.destination}${part})`,
    `  into ${oneLine(plan.target)}${plan.targetIsSource ? ', where the objects came from' : ''}`,
    `  ${plural(plan.objects, 'object')}, ${formatBytes(plan.plainBytes)}; ${existing}`,
    ...(plan.archived === null
      ? []
      : [`  of their content ${describeArchived(plan.archived)}: it is read after --retrieve only`]),
  ]
}

export function renderObjectsRestored(result: ObjectRestoreResult, colours: Colours): string[] {
  const { failedCount, findings } = result
  const good = failedCount === 0 && findings.length === 0
  const kept = result.kept === 0 ? '' : `, ${formatCount(result.kept)} left as they were`
  return [
    `${good ? colours.green('restored') : colours.red('not all restored')}: ${plural(result.restored, 'object')}, ${formatBytes(result.restoredBytes)}${kept} in ${formatDuration(result.durationMs)}`,
    ...result.failed.map(({ key, message }) => `  ${colours.red('failed')}  ${oneLine(key)}: ${oneLine(message)}`),
    ...(failedCount > result.failed.length ? [`  and ${formatCount(failedCount - result.failed.length)} more`] : []),
    ...findings.flatMap(finding => findingLines(finding, colours)),
  ]
}

export function renderObjectsPruned(result: ObjectsPruneResult, colours: Colours): string[] {
  const { plan, applied, removed, freed, unneeded } = result
  const line = (verdict: string, one: (typeof plan.keep)[number]) =>
    `  ${verdict}  ${one.id}  ${formatTime(one.createdAt)}  ${oneLine(one.reasons.join(', '))}`
  const done = applied ? `removed ${removed.length}` : `would remove ${plan.remove.length}`
  const content = applied ? freed : unneeded
  const verb = applied ? 'freed' : 'no snapshot needs'
  return [
    `${result.product}/${result.set} at ${result.destination}: keep ${plan.keep.length}, ${done}`,
    ...plan.keep.map(one => line(colours.green('keep'.padEnd(8)), one)),
    ...plan.remove.map(one => line(colours.yellow((applied ? 'remove' : 'would go').padEnd(8)), one)),
    ...(content.count > 0 ? [`  ${verb} ${plural(content.count, 'file')}, ${formatBytes(content.storedBytes)}`] : []),
    ...lockedLine(result.locked, colours),
    ...(result.held === null ? [] : [`  ${colours.yellow('kept all content')}: ${oneLine(result.held)}`]),
    ...result.retained.map(({ id, message }) => `  ${colours.red('retained')}  ${oneLine(`${id}: ${message}`)}`),
  ]
}

function lockedLine({ count, storedBytes, until }: ObjectsPruneResult['locked'], colours: Colours): string[] {
  if (count === 0) return []
  const why = until === null ? 'under a legal hold' : `locked until ${formatTime(until)}`
  return [
    `  ${colours.yellow('retained')}  ${plural(count, 'file')} that no snapshot needs, ${formatBytes(storedBytes)}, ${why}`,
  ]
}
