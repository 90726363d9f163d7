import type { ProofRecord } from '@lifeboat/core'
import type { Colours } from './colours.js'
import { oneLine } from './one-line.js'
import { formatAge, formatBytes, formatCount, formatDuration, formatTime, plural } from './quantities.js'
import { type Column, renderTable } from './table.js'

/** One line for each record, newest first, then the trend of each product and destination. */
export function renderHistory(records: readonly ProofRecord[], colours: Colours): string[] {
  if (records.length === 0) return []
  return [...renderTable(columnsOf(records), records, colours.bold), '', ...trends(records, colours)]
}

function columnsOf(records: readonly ProofRecord[]): readonly Column<ProofRecord>[] {
  const before = previousOf(records)
  return [
    { title: 'WHEN', cell: one => formatTime(one.at) },
    { title: 'BACKUP', cell: one => oneLine(`${one.product}/${one.id}`) },
    { title: 'DESTINATION', cell: one => oneLine(one.destination) },
    { title: 'CHECK', cell: one => (one.kind === 'drill' ? 'drill' : one.level) },
    { title: 'RESULT', cell: one => (one.ok ? 'ok' : 'NOT OK') },
    { title: 'AGE', align: 'right', cell: one => (one.backupCreatedAt === null ? '-' : formatAge(ageOf(one))) },
    { title: 'SIZE', align: 'right', cell: one => (one.storedBytes === null ? '-' : formatBytes(one.storedBytes)) },
    { title: 'ROWS', align: 'right', cell: one => (one.rows === null ? '-' : formatCount(one.rows)) },
    { title: 'CHANGE', align: 'right', cell: one => changeOf(one.rows, before.get(one)?.rows) },
    { title: 'TOOK', align: 'right', cell: one => formatDuration(one.durationMs) },
    { title: 'FINDINGS', cell: one => oneLine([...new Set(one.findings.map(({ code }) => code))].join(', ')) },
  ]
}

/** The age of the backup when it was looked at. */
function ageOf({ at, backupCreatedAt }: ProofRecord): number {
  return Date.parse(at) - Date.parse(backupCreatedAt ?? at)
}

function placeOf({ product, destination }: ProofRecord): string {
  return `${product} at ${destination}`
}

/** Of each record the one before it of another backup in the same place; records come newest first. */
function previousOf(records: readonly ProofRecord[]): ReadonlyMap<ProofRecord, ProofRecord> {
  const previous = new Map<ProofRecord, ProofRecord>()
  for (const [at, record] of records.entries()) {
    const before = records.slice(at + 1).find(one => placeOf(one) === placeOf(record) && one.id !== record.id)
    if (before !== undefined) previous.set(record, before)
  }
  return previous
}

function changeOf(now: number | null, before: number | null | undefined): string {
  if (now === null || before === null || before === undefined) return ''
  if (now === before) return '='
  const share = before === 0 ? '' : ` (${Math.abs(((now - before) / before) * 100).toFixed(1)} %)`
  return `${now > before ? '+' : '-'}${formatCount(Math.abs(now - before))}${share}`
}

function trends(records: readonly ProofRecord[], colours: Colours): string[] {
  const places = new Map<string, ProofRecord[]>()
  for (const record of records) places.set(placeOf(record), [...(places.get(placeOf(record)) ?? []), record])
  return [...places].map(([place, all]) => {
    const failed = all.filter(one => !one.ok).length
    const passed = failed === 0 ? colours.green('all ok') : colours.red(`${formatCount(failed)} not ok`)
    const parts = [
      spanOf(
        'size',
        all.map(one => one.storedBytes),
        formatBytes,
      ),
      spanOf(
        'rows',
        all.map(one => one.rows),
        formatCount,
      ),
      spanOf(
        'drills take',
        all.filter(one => one.kind === 'drill').map(one => one.durationMs),
        formatDuration,
      ),
    ]
    return `${oneLine(place)}: ${plural(all.length, 'check')}, ${[passed, ...parts.filter(part => part !== '')].join('; ')}`
  })
}

/** From the oldest value to the newest. */
function spanOf(what: string, newestFirst: readonly (number | null)[], format: (value: number) => string): string {
  const known = newestFirst.filter(value => value !== null)
  const [newest, oldest] = [known[0], known.at(-1)]
  if (newest === undefined || oldest === undefined) return ''
  return known.length === 1 || newest === oldest
    ? `${what} ${format(newest)}`
    : `${what} ${format(oldest)} -> ${format(newest)}`
}
