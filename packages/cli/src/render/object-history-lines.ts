import type { ObjectsRecord } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatAge, formatBytes, formatCount, formatDuration, formatTime } from './quantities.js'
import { renderTable } from './table.js'

/** One line for each recorded verification of a snapshot of objects, newest first. */
export function renderObjectHistory(records: readonly ObjectsRecord[], colours: Colours): string[] {
  if (records.length === 0) return []
  return renderTable<ObjectsRecord>(
    [
      { title: 'WHEN', cell: one => formatTime(one.at) },
      { title: 'SNAPSHOT', cell: one => oneLine(`${one.product}/${one.set}/${one.id}`) },
      { title: 'DESTINATION', cell: one => oneLine(one.destination) },
      { title: 'CHECK', cell: one => (one.sample < 1 ? `${one.level} of ${formatShare(one.sample)}` : one.level) },
      { title: 'RESULT', cell: one => (one.ok ? 'ok' : 'NOT OK') },
      { title: 'AGE', align: 'right', cell: one => formatAge(Date.parse(one.at) - Date.parse(one.snapshotCreatedAt)) },
      { title: 'OBJECTS', align: 'right', cell: one => formatCount(one.objects) },
      { title: 'SIZE', align: 'right', cell: one => formatBytes(one.plainBytes) },
      { title: 'READ', align: 'right', cell: one => formatBytes(one.readBytes) },
      { title: 'TOOK', align: 'right', cell: one => formatDuration(one.durationMs) },
      { title: 'FINDINGS', cell: one => oneLine([...new Set(one.findings.map(({ code }) => code))].join(', ')) },
    ],
    records,
    colours.bold,
  )
}

function formatShare(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`
}
