import type { BackupContents } from '@lifeboat/core'
import type { CommandResult } from '../command.js'
import { exitStatus } from '../exit-status.js'
import { oneLine } from '../render/one-line.js'
import { kindsLine, neededLines, qualifiedName } from '../render/part-lines.js'
import { formatBytes, formatCount, formatTime, plural } from '../render/quantities.js'
import { renderTable } from '../render/table.js'
import { type RetrieveFlags, retrievalOf } from '../retrieve-options.js'
import type { Session } from '../session.js'

export interface ListContentsFlags extends RetrieveFlags {
  readonly table?: readonly string[]
  readonly withReferenced?: boolean
  readonly destination?: string
}

/** `restore --list`: what a backup holds, and what a choice of tables would bring along. */
export async function listContents(session: Session, name: string, flags: ListContentsFlags): Promise<CommandResult> {
  const lifeboat = await session.open(name)
  const contents = await lifeboat.contents(name, {
    ...{ tables: flags.table, withReferenced: flags.withReferenced, destination: flags.destination },
    retrieve: retrievalOf(flags),
    ...{ signal: session.signal, onEvent: session.progress.onEvent },
  })
  return { status: exitStatus.done, document: contents, lines: linesOf(contents, session) }
}

type Listed = BackupContents['tables'][number]

function linesOf(contents: BackupContents, { colours }: Session): string[] {
  const { product, id, destination, createdAt, tables } = contents
  const sum = (of: (table: Listed) => number | null) => tables.reduce((total, table) => total + (of(table) ?? 0), 0)
  const columns = [
    { title: 'TABLE', cell: (one: Listed) => oneLine(qualifiedName(one)) },
    { title: 'KIND', cell: (one: Listed) => one.kind.toLowerCase() },
    {
      ...{ title: 'ROWS', align: 'right' as const },
      cell: ({ rows }: Listed) => (rows === null ? '-' : formatCount(rows)),
    },
    {
      ...{ title: 'SIZE', align: 'right' as const },
      cell: ({ bytes }: Listed) => (bytes === null ? '-' : formatBytes(bytes)),
    },
  ]
  return [
    `${oneLine(`${product}/${id} of ${formatTime(createdAt)}, from ${destination}`)}: ${plural(
      sum(one => one.rows),
      'row',
    )}, ${formatBytes(sum(one => one.bytes))}`,
    ...(tables.length === 0 ? [] : ['', ...renderTable(columns, tables, colours.bold)]),
    '',
    ...neededLines('comes along', contents.required),
    ...neededLines('left out', contents.offered),
    ...(contents.offered.length > 0 ? ['  (--with-referenced takes along the tables of foreign keys)'] : []),
    `the whole backup has ${kindsLine(contents.kinds)}`,
  ]
}
